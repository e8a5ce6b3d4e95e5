//! From the path of a request to the name of a file.
//!
//! Every bug of this kind comes from two readers who understand one path differently. Therefore a path is decoded once,
//! segment by segment, and what could mean anything else to somebody else is refused: an encoded slash, control bytes,
//! dot segments that are left, empty segments (`//`), a `%` without two hexadecimal digits. A file has one address, give
//! or take the encoding of its bytes. What is refused is not found: an answer tells a stranger nothing.
//!
//! Names that begin with a dot are how Unix hides things (`.git`, `.env`, `.htpasswd`), and what lies in a folder by
//! accident is mostly one of them. They are never served, except `.well-known` (RFC 8615).

/// The name of a file or folder, from the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Relative {
    /// Segments with `/` between them, none of which is empty, `.`, `..` or hidden. Empty for the root.
    pub(super) name: Vec<u8>,
    /// It ended in a slash.
    pub(super) is_folder: bool,
}

impl Relative {
    /// Understands the path of a request, which is percent-encoded. `None` if it is refused. The empty path is the root
    /// without its slash.
    pub(super) fn decode(path: &[u8]) -> Option<Self> {
        let mut name = Vec::with_capacity(path.len());
        let Some((b'/', path)) = path.split_first() else {
            return path.is_empty().then_some(Self {
                name,
                is_folder: false,
            });
        };
        if path.is_empty() {
            return Some(Self {
                name,
                is_folder: true,
            });
        }
        let (path, is_folder) = match path.strip_suffix(b"/") {
            Some(path) => (path, true),
            None => (path, false),
        };
        for segment in path.split(|&byte| byte == b'/') {
            if !name.is_empty() {
                name.push(b'/');
            }
            let start = name.len();
            decode_segment(segment, &mut name)?;
            if !is_served(&name[start..]) {
                return None;
            }
        }
        Some(Self { name, is_folder })
    }

    /// True if the last segment has a dot, as names of files do and addresses within an application do not.
    pub(super) fn looks_like_a_file(&self) -> bool {
        let last = self.name.rsplit(|&byte| byte == b'/').next();
        last.is_some_and(|last| last.contains(&b'.'))
    }
}

fn decode_segment(segment: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let mut bytes = segment.iter();
    while let Some(&byte) = bytes.next() {
        let byte = match byte {
            b'%' => hex(*bytes.next()?)? << 4 | hex(*bytes.next()?)?,
            byte => byte,
        };
        if byte == b'/' || byte.is_ascii_control() {
            return None;
        }
        out.push(byte);
    }
    Some(())
}

fn hex(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

/// Not empty, and not hidden, which dot segments are also.
fn is_served(segment: &[u8]) -> bool {
    !segment.is_empty() && (segment[0] != b'.' || segment == b".well-known")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn understood_paths() {
        for (path, name, is_folder) in [
            ("", "", false),
            ("/", "", true),
            ("/a", "a", false),
            ("/a/", "a", true),
            ("/a/b.css", "a/b.css", false),
            ("/a%20b", "a b", false),
            ("/%61", "a", false),
            // Once, and once only.
            ("/%2561", "%61", false),
            ("/%252e%252e/a", "%2e%2e/a", false),
            ("/a..b", "a..b", false),
            ("/a...", "a...", false),
            ("/%C3%A4", "ä", false),
            ("/ä", "ä", false),
            ("/a\\b", "a\\b", false),
            (
                "/.well-known/acme-challenge/x",
                ".well-known/acme-challenge/x",
                false,
            ),
        ] {
            let expected = Relative {
                name: name.as_bytes().to_vec(),
                is_folder,
            };
            assert_eq!(Relative::decode(path.as_bytes()), Some(expected), "{path}");
        }
    }

    #[test]
    fn refused_paths() {
        for path in [
            "a",
            "a/b",
            "//",
            "///",
            "//a",
            "/a//",
            "/a//b",
            "/..",
            "/../",
            "/../a",
            "/a/..",
            "/a/../b",
            "/./a",
            "/a/.",
            "/%2e%2e/a",
            "/%2E%2e/a",
            "/.%2e/a",
            "/..%2fa",
            "/..%2Fa",
            "/a%2fb",
            "/%2f",
            "/%2fetc/passwd",
            "/a%00",
            "/a%00.html",
            "/%0a",
            "/a%7f",
            "/%",
            "/%2",
            "/%zz",
            "/%+1",
            "/a%",
            "/.git/config",
            "/.env",
            "/a/.htpasswd",
            "/%2egit/config",
            "/...",
            "/.well-known%2f",
            "/.well-knownx",
        ] {
            assert_eq!(Relative::decode(path.as_bytes()), None, "{path}");
        }
    }

    #[test]
    fn what_looks_like_a_file() {
        for (path, expected) in [
            ("/app.js", true),
            ("/a/v1.2", true),
            ("/v1.2/users", false),
            ("/users", false),
            ("/", false),
        ] {
            let path = Relative::decode(path.as_bytes()).unwrap();
            assert_eq!(path.looks_like_a_file(), expected, "{path:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        /// Pieces that traversals are made of, in any order.
        #[test]
        fn decoded_paths_never_escape(
            pieces in prop::collection::vec(
                prop::sample::select(vec![
                    "/", ".", "..", "%2e", "%2E", "%2f", "%5c", "\\", "%", "%00", "%25", "2e", "2f", "a", "ä", "%ff", ";", "%c0%af",
                ]),
                0..12,
            ),
            has_slash in any::<bool>(),
        ) {
            let path = format!("{}{}", if has_slash { "/" } else { "" }, pieces.concat());
            assert_contained(path.as_bytes());
        }

        #[test]
        fn decoded_bytes_never_escape(path in prop::collection::vec(any::<u8>(), 0..40)) {
            assert_contained(&path);
            assert_contained(&[b"/", path.as_slice()].concat());
        }
    }

    fn assert_contained(path: &[u8]) {
        let Some(Relative { name, is_folder }) = Relative::decode(path) else {
            return;
        };
        if name.is_empty() {
            assert!(path.is_empty() || (path == b"/" && is_folder));
            return;
        }
        for segment in name.split(|&byte| byte == b'/') {
            assert!(!segment.is_empty() && segment != b"." && segment != b"..");
            assert!(!segment.iter().any(u8::is_ascii_control));
        }
        // No slash came out of the decoding.
        let slashes = |bytes: &[u8]| bytes.iter().filter(|&&byte| byte == b'/').count();
        assert_eq!(slashes(&name) + 1 + usize::from(is_folder), slashes(path));
    }
}
