//! Heads of responses: the same as for requests, and only the framing depends on the request's method.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tenfold_fuzz::{LIMITS, Parsed, check_framing, check_lines, check_prefixes, values};
use tenfold_http1::framing::{Length, decimal};
use tenfold_http1::head::StatusLine;
use tenfold_http1::{Method, Version, parse};

fn parsed(bytes: &[u8], method: Method) -> Parsed<StatusLine> {
    let mut fields = Vec::new();
    let result = parse::response(bytes, &mut fields, &LIMITS, method);
    (result, fields)
}

fuzz_target!(|input: &[u8]| {
    let whole = parsed(input, Method::Get);
    check_prefixes(
        input,
        &whole,
        |line| line.len as usize,
        |part| parsed(part, Method::Get),
    );

    // A response to HEAD has no body, whatever it declares; nothing else may differ.
    let without_body = |line: StatusLine| StatusLine {
        length: Length::None,
        declares_absent_body: line.declares_absent_body
            || matches!(line.length, Length::Known(_) | Length::Chunked),
        ..line
    };
    let to_head = (whole.0.map(|line| line.map(without_body)), whole.1.clone());
    assert_eq!(parsed(input, Method::Head), to_head);
    assert_eq!(parsed(input, Method::Post), whole);

    let (Ok(Some(line)), fields) = whole else {
        return;
    };
    let head = &input[..line.len as usize];
    let start_line = check_lines(head, &fields);
    assert!((100..=999).contains(&line.status), "{}", line.status);
    if line.status < 200 || line.status == 204 || line.status == 304 {
        assert_eq!(line.length, Length::None);
    } else {
        check_framing(head, &fields, line.version, line.length);
    }
    let length = values(head, &fields, "content-length")
        .first()
        .copied()
        .and_then(decimal);
    assert_eq!(line.content_length, length);
    let has_coding = !values(head, &fields, "transfer-encoding").is_empty();
    let declares_body = has_coding || length.is_some_and(|length| length > 0);
    assert_eq!(
        line.declares_absent_body,
        declares_body && line.length == Length::None
    );

    let version = match line.version {
        Version::Http10 => "HTTP/1.0",
        Version::Http11 => "HTTP/1.1",
    };
    let reason = line.reason.of(head);
    let forwarded_line = [format!("{version} {} ", line.status).as_bytes(), reason].concat();
    let left_out = forwarded_line.strip_prefix(start_line);
    assert!(
        matches!(left_out, Some(b"" | b" ")),
        "only the space before no reason may be missing"
    );

    let lines = &head[start_line.len() + 2..];
    let forwarded = [forwarded_line.as_slice(), b"\r\n", lines].concat();
    let (Ok(Some(again)), fields_again) = parsed(&forwarded, Method::Get) else {
        assert!(
            forwarded.len() > LIMITS.head,
            "{:?}",
            String::from_utf8_lossy(&forwarded)
        );
        return;
    };
    assert_eq!(again.len as usize, forwarded.len());
    assert_eq!(again.reason.of(&forwarded), reason);
    assert_eq!(fields_again.len(), fields.len());
    assert_eq!(
        (again.status, again.version, again.length, again.connection),
        (line.status, line.version, line.length, line.connection)
    );
});
