//! Heads of requests: what is accepted is unambiguous, however it is cut, and survives being forwarded.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tenfold_fuzz::{LIMITS, Parsed, check_framing, check_lines, check_prefixes};
use tenfold_http1::Name;
use tenfold_http1::framing::Length;
use tenfold_http1::head::RequestLine;
use tenfold_http1::{Method, Version, parse};

fn parsed(bytes: &[u8]) -> Parsed<RequestLine> {
    let mut fields = Vec::new();
    let result = parse::request(bytes, &mut fields, &LIMITS);
    (result, fields)
}

fuzz_target!(|input: &[u8]| {
    let whole = parsed(input);
    check_prefixes(input, &whole, |line| line.len as usize, parsed);
    let (Ok(Some(line)), fields) = whole else {
        return;
    };

    let head = &input[..line.len as usize];
    let start_line = check_lines(head, &fields);
    check_framing(head, &fields, line.version, line.length);
    assert_ne!(line.length, Length::UntilClose, "a request has an end");

    let hosts = fields
        .iter()
        .filter(|field| field.name == Name::Host)
        .count();
    assert!(hosts == 1 || (hosts == 0 && line.version == Version::Http10));
    let method = line.method_span.of(head);
    assert_eq!(line.method, Method::of(method));
    let authority = line.authority.of(head);
    assert_eq!(authority.is_empty(), hosts == 0 && !line.absolute);
    assert!(!authority.iter().any(|byte| b"/?#@ ".contains(byte)));

    // The target as it is sent on: in origin form, unless there is none.
    let target = match line.target.of(head) {
        b"" if line.method == Method::Connect => authority,
        b"" if line.method == Method::Options => b"*",
        b"" => b"/",
        target => target,
    };
    assert!(
        target
            .iter()
            .all(|byte| byte.is_ascii_graphic() && *byte != b'#')
    );
    assert!(target[0] == b'/' || target == b"*" || line.method == Method::Connect);
    let version: &[u8] = match line.version {
        Version::Http10 => b"HTTP/1.0",
        Version::Http11 => b"HTTP/1.1",
    };
    if !line.absolute || line.method == Method::Connect {
        assert_eq!(start_line, [method, target, version].join(&b' '));
    }

    let lines = &head[start_line.len() + 2..];
    let forwarded = [
        [method, target, version].join(&b' ').as_slice(),
        b"\r\n",
        lines,
    ]
    .concat();
    let (result, fields_again) = parsed(&forwarded);
    let again = result
        .expect("what is sent on is valid")
        .expect("and complete");
    assert_eq!(again.len as usize, forwarded.len());
    assert_eq!(fields_again.len(), fields.len());
    assert_eq!(again.method, line.method);
    assert_eq!(again.method_span.of(&forwarded), method);
    if line.method != Method::Connect {
        assert_eq!(again.target.of(&forwarded), target);
    }
    assert_eq!(
        (again.version, again.length, again.connection),
        (line.version, line.length, line.connection)
    );
    assert_eq!(
        (again.expects_continue, again.unknown_expectation),
        (line.expects_continue, line.unknown_expectation)
    );
});
