//! Which stored responses a write makes invalid (RFC 9111 section 4.4).

use tenfold_http1::Method;

use super::ask::Request;
use super::fields::Fields;
use super::store::Response;

/// Addresses, as path and query on the host of the request, of which nothing stored may be used any more.
///
/// The request's own, and those in `Location` and `Content-Location` if they are on the same host: a server must not be able to
/// invalidate what belongs to another. Empty unless the method is unsafe or unknown and the response is no error.
pub(crate) fn targets(
    request: &Request<'_, impl Fields + ?Sized>,
    response: &Response<'_, impl Fields + ?Sized>,
) -> Vec<Vec<u8>> {
    let is_safe = matches!(
        request.method,
        Method::Get | Method::Head | Method::Options | Method::Trace
    );
    if is_safe || !(200..400).contains(&response.status) {
        return Vec::new();
    }
    let mut targets = vec![request.target.to_vec()];
    for name in ["location", "content-location"] {
        let named = response
            .fields
            .first(name)
            .and_then(|reference| resolve(request, reference));
        targets.extend(named.filter(|target| *target != request.target));
    }
    targets.dedup();
    targets
}

/// Path and query of a reference relative to the request's address (RFC 3986 section 5.2), if it is on the same host under the same scheme.
pub(crate) fn resolve(
    request: &Request<'_, impl Fields + ?Sized>,
    reference: &[u8],
) -> Option<Vec<u8>> {
    let end = reference.iter().position(|byte| *byte == b'#');
    let reference = &reference[..end.unwrap_or(reference.len())];
    let base = request.target;
    let is_sound = reference.iter().all(u8::is_ascii_graphic) && base.first() == Some(&b'/');
    is_sound.then_some(())?;
    let local = same_host(request, reference)?;
    let (path, query) = split(local);
    let (base_path, base_query) = split(base);
    let is_here = path.is_empty() && local.len() == reference.len();
    let query = if is_here { query.or(base_query) } else { query };
    let merged = match path {
        b"" if is_here => base_path.to_vec(),
        b"" => b"/".to_vec(),
        [b'/', ..] => without_dots(path),
        _ => {
            let folder = base_path
                .iter()
                .rposition(|byte| *byte == b'/')
                .unwrap_or(0);
            without_dots(&[&base_path[..=folder], path].concat())
        }
    };
    Some(match query {
        Some(query) => [merged.as_slice(), query].join(&b'?'),
        None => merged,
    })
}

/// What is behind scheme and host, if these are the request's own or not there.
fn same_host<'a>(
    request: &Request<'_, impl Fields + ?Sized>,
    reference: &'a [u8],
) -> Option<&'a [u8]> {
    let (scheme, port): (&[u8], &[u8]) = match request.is_tls {
        true => (b"https:", b":443"),
        false => (b"http:", b":80"),
    };
    let starts_with_scheme = reference
        .get(..scheme.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    let rest = if starts_with_scheme {
        &reference[scheme.len()..]
    } else if has_scheme(reference) {
        return None;
    } else {
        reference
    };
    let Some(rest) = rest.strip_prefix(b"//") else {
        // `http:path` is no address that anyone means.
        return (!starts_with_scheme).then_some(rest);
    };
    let end = rest.iter().position(|byte| b"/?".contains(byte));
    let (host, path) = rest.split_at(end.unwrap_or(rest.len()));
    let bare = |host: &'_ [u8]| host.strip_suffix(port).unwrap_or(host).to_ascii_lowercase();
    (bare(host) == bare(request.authority)).then_some(path)
}

fn has_scheme(reference: &[u8]) -> bool {
    let end = reference.iter().position(|byte| b":/?".contains(byte));
    end.is_some_and(|end| reference[end] == b':')
}

fn split(reference: &[u8]) -> (&[u8], Option<&[u8]>) {
    match reference.iter().position(|byte| *byte == b'?') {
        Some(mark) => (&reference[..mark], Some(&reference[mark + 1..])),
        None => (reference, None),
    }
}

/// RFC 3986 section 5.2.4, for a path that begins with `/`.
fn without_dots(path: &[u8]) -> Vec<u8> {
    let mut kept: Vec<&[u8]> = Vec::new();
    let mut segments = path[1..].split(|byte| *byte == b'/').peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            b"." | b".." => {
                if segment == b".." {
                    kept.pop();
                }
                if is_last {
                    kept.push(b"");
                }
            }
            _ => kept.push(segment),
        }
    }
    let mut out = vec![b'/'];
    out.extend_from_slice(&kept.join(&b'/'));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str) -> Request<'static, [(&'static str, &'static str)]> {
        Request {
            method: Method::of(method.as_bytes()),
            is_tls: true,
            authority: b"Example.org",
            target: b"/a/b?c",
            is_special: true,
            fields: &[],
        }
    }

    #[test]
    fn references() {
        for (reference, expected) in [
            ("d", Some("/a/d")),
            ("./d/../e?f#g", Some("/a/e?f")),
            ("../../../d", Some("/d")),
            ("..", Some("/")),
            ("/d/./e/.", Some("/d/e/")),
            ("", Some("/a/b?c")),
            ("#x", Some("/a/b?c")),
            ("?", Some("/a/b?")),
            ("?d", Some("/a/b?d")),
            ("//example.ORG:443", Some("/")),
            ("//example.org?x", Some("/?x")),
            ("HTTPS://EXAMPLE.org:443/d?e", Some("/d?e")),
            ("d:e", None),
            ("./d:e", Some("/a/d:e")),
            ("http://example.org/d", None),
            ("https://example.org:8443/d", None),
            ("https://example.org.evil/d", None),
            ("https://user@example.org/d", None),
            ("//evil/d", None),
            ("https:d", None),
            ("/d e", None),
            ("/\u{e9}", None),
        ] {
            let resolved = resolve(&request("PUT"), reference.as_bytes());
            let resolved = resolved.map(|target| String::from_utf8(target).unwrap());
            assert_eq!(resolved.as_deref(), expected, "{reference}");
        }
    }

    #[test]
    fn successful_writes_invalidate() {
        let targets = |method, status, fields: &[(&str, &str)]| {
            let targets = targets(&request(method), &Response { status, fields });
            let texts = targets
                .into_iter()
                .map(|target| String::from_utf8(target).unwrap());
            texts.collect::<Vec<_>>()
        };
        for method in ["POST", "PUT", "DELETE", "PATCH", "M-SEARCH"] {
            assert_eq!(targets(method, 200, &[]), ["/a/b?c"], "{method}");
            assert_eq!(targets(method, 303, &[]), ["/a/b?c"], "{method}");
            for status in [400, 404, 500, 503] {
                assert!(targets(method, status, &[]).is_empty(), "{method} {status}");
            }
        }
        for method in ["GET", "HEAD", "OPTIONS", "TRACE"] {
            assert!(targets(method, 200, &[]).is_empty(), "{method}");
        }
        let fields = [
            ("Location", "d"),
            ("Content-Location", "https://example.org/e"),
        ];
        assert_eq!(targets("PUT", 201, &fields), ["/a/b?c", "/a/d", "/e"]);
        let fields = [
            ("Location", "https://evil/d"),
            ("Content-Location", "/a/b?c"),
        ];
        assert_eq!(targets("PUT", 201, &fields), ["/a/b?c"]);
    }
}
