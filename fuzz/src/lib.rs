//! What the targets for requests and for responses have in common.

use tenfold_http1::Name;
use tenfold_http1::field::Field;
use tenfold_http1::framing::{Length, decimal};
use tenfold_http1::{HeadError, Limits, Version};

/// Small limits, so that inputs of libFuzzer's default size reach them.
pub const LIMITS: Limits = Limits {
    head: 1024,
    fields: 12,
};

/// What a parser says about `bytes`, and the fields that it left behind.
pub type Parsed<L> = (Result<Option<L>, HeadError>, Vec<Field>);

/// However a head is cut by the network, the verdict is the same. A parser that gives up too early refuses valid messages;
/// one that is done too early takes the rest of a head for a body.
pub fn check_prefixes<L: Copy + PartialEq + std::fmt::Debug>(
    input: &[u8],
    whole: &Parsed<L>,
    len_of: impl Fn(&L) -> usize,
    parse: impl Fn(&[u8]) -> Parsed<L>,
) {
    let complete = whole.0.ok().flatten().map(|line| len_of(&line));
    // A few places that the input itself chooses, and those around the end of the head.
    let chosen = input
        .iter()
        .rev()
        .take(4)
        .map(|byte| usize::from(*byte) * input.len() / 256);
    let around = complete.into_iter().flat_map(|len| [len - 1, len - 2, len]);
    for cut in chosen.chain(around) {
        let part = parse(&input[..cut]);
        match (whole.0, complete) {
            (_, Some(len)) if cut >= len => assert_eq!(part, *whole, "the first {cut} bytes"),
            (Ok(_), _) => assert_eq!(part.0, Ok(None), "the first {cut} bytes"),
            (Err(_), _) => assert!(!matches!(part.0, Ok(Some(_))), "the first {cut} bytes"),
        }
    }
}

/// Checks that `fields` account for every byte between the start line and the empty line of `head`, and returns the
/// start line without its CR LF.
pub fn check_lines<'h>(head: &'h [u8], fields: &[Field]) -> &'h [u8] {
    assert!(head.len() <= LIMITS.head && fields.len() <= LIMITS.fields);
    let (start_line, mut rest) = cut_line(head);
    for field in fields {
        let (line, after) = cut_line(rest);
        assert_eq!(offset(head, line), field.name_span.start as usize);
        assert_eq!(offset(head, after), field.line_end as usize);
        let name = field.name_span.of(head);
        let value = field.value_span.of(head);
        assert!(!name.is_empty() && line.starts_with(name));
        assert!(
            name.iter()
                .all(|byte| byte.is_ascii_graphic() && !b"\"(),/:;<=>?@[\\]{}".contains(byte))
        );
        assert_eq!(field.name, Name::of(name));
        assert_eq!(line[name.len()], b':', "the colon follows the name");
        let end = field.value_span.end as usize;
        assert!(
            end <= offset(head, line) + line.len(),
            "the value is in its line"
        );
        let spaces = |byte: &u8| matches!(byte, b' ' | b'\t');
        let trimmed = line[name.len() + 1..].trim_ascii();
        assert_eq!(value, trimmed, "nothing but white space is left out");
        assert!(!value.first().is_some_and(spaces) && !value.last().is_some_and(spaces));
        assert!(
            value
                .iter()
                .all(|byte| *byte >= b' ' && *byte != 0x7f || *byte == b'\t')
        );
        rest = after;
    }
    assert_eq!(rest, b"\r\n", "every line belongs to a field");
    start_line
}

/// Checks the framing against what the fields say, read in the most literal way. Call it for messages that have a body
/// if their fields give them one.
pub fn check_framing(head: &[u8], fields: &[Field], version: Version, length: Length) {
    let lengths = values(head, fields, "content-length");
    let codings = values(head, fields, "transfer-encoding");
    match length {
        Length::Chunked => {
            assert_eq!(
                (version, codings.len(), lengths.len()),
                (Version::Http11, 1, 0)
            );
            assert!(codings[0].eq_ignore_ascii_case(b"chunked"));
        }
        Length::Known(bytes) => {
            assert!(bytes > 0 && codings.is_empty() && !lengths.is_empty());
            assert!(lengths.iter().all(|value| decimal(value) == Some(bytes)));
        }
        Length::None => {
            assert!(codings.is_empty());
            assert!(
                lengths
                    .iter()
                    .all(|value| !value.is_empty() && value.iter().all(|digit| *digit == b'0'))
            );
        }
        Length::UntilClose => assert!(codings.is_empty() && lengths.is_empty()),
    }
}

/// The values of the fields of that name.
pub fn values<'h>(head: &'h [u8], fields: &[Field], name: &str) -> Vec<&'h [u8]> {
    let is_named = |field: &&Field| {
        field
            .name_span
            .of(head)
            .eq_ignore_ascii_case(name.as_bytes())
    };
    let named = fields.iter().filter(is_named);
    named.map(|field| field.value_span.of(head)).collect()
}

/// Cuts a line off, and checks that it ends in CR LF and has no other CR, LF or NUL.
fn cut_line(bytes: &[u8]) -> (&[u8], &[u8]) {
    let lf = bytes
        .iter()
        .position(|byte| *byte == b'\n')
        .expect("every line ends");
    let (line, rest) = bytes.split_at(lf + 1);
    let line = line
        .strip_suffix(b"\r\n")
        .expect("every line ends in CR LF");
    assert!(!line.iter().any(|byte| matches!(byte, b'\r' | 0)));
    (line, rest)
}

fn offset(head: &[u8], part: &[u8]) -> usize {
    part.as_ptr().addr() - head.as_ptr().addr()
}
