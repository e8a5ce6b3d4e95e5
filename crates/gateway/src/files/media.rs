//! What a file is, by the ending of its name.
//!
//! A table instead of the thousand lines of `/etc/mime.types`: these are the types that the web is made of, in the
//! spelling of IANA's registry. What is not here is `application/octet-stream`, which a browser saves instead of showing.

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Media {
    /// The value of `Content-Type`.
    pub(super) name: &'static str,
    /// It is compressed in itself, so that nobody keeps a compressed copy beside it.
    pub(super) is_packed: bool,
}

/// What the file of this name is.
pub(super) fn of(name: &[u8]) -> Media {
    let file = name.rsplit(|&byte| byte == b'/').next().unwrap_or(name);
    let ending = match file.iter().rposition(|&byte| byte == b'.') {
        Some(dot) => file[dot + 1..].to_ascii_lowercase(),
        None => Vec::new(),
    };
    let is = |endings: &str| {
        endings
            .split(' ')
            .any(|known| known.as_bytes() == ending.as_slice())
    };
    let find = |table: &[(&str, &'static str)]| {
        let row = table.iter().find(|(endings, _)| is(endings));
        row.map(|&(_, name)| name)
    };
    match (find(PLAIN), find(PACKED)) {
        (_, Some(name)) => Media {
            name,
            is_packed: true,
        },
        (name, None) => Media {
            name: name.unwrap_or("application/octet-stream"),
            is_packed: false,
        },
    }
}

const PLAIN: &[(&str, &str)] = &[
    ("html htm shtml", "text/html; charset=utf-8"),
    ("css", "text/css; charset=utf-8"),
    ("js mjs cjs", "text/javascript; charset=utf-8"),
    ("txt text log conf ini", "text/plain; charset=utf-8"),
    ("md markdown", "text/markdown; charset=utf-8"),
    ("csv", "text/csv; charset=utf-8"),
    ("tsv", "text/tab-separated-values; charset=utf-8"),
    ("vtt", "text/vtt; charset=utf-8"),
    ("ics", "text/calendar; charset=utf-8"),
    ("vcf", "text/vcard; charset=utf-8"),
    ("json map", "application/json"),
    ("jsonld", "application/ld+json"),
    ("geojson", "application/geo+json"),
    ("webmanifest", "application/manifest+json"),
    ("yaml yml", "application/yaml"),
    ("toml", "application/toml"),
    ("xml xsl xsd", "application/xml"),
    ("xhtml xht", "application/xhtml+xml"),
    ("rss", "application/rss+xml"),
    ("atom", "application/atom+xml"),
    ("wasm", "application/wasm"),
    ("pdf", "application/pdf"),
    ("rtf", "application/rtf"),
    ("ps eps ai", "application/postscript"),
    ("sql", "application/sql"),
    ("tar", "application/x-tar"),
    ("svg", "image/svg+xml"),
    ("bmp", "image/bmp"),
    ("ico", "image/vnd.microsoft.icon"),
    ("tif tiff", "image/tiff"),
    ("ttf", "font/ttf"),
    ("otf", "font/otf"),
    ("ttc", "font/collection"),
    ("eot", "application/vnd.ms-fontobject"),
    ("wav", "audio/wav"),
    ("mid midi", "audio/midi"),
    ("gltf", "model/gltf+json"),
    ("glb", "model/gltf-binary"),
    ("m3u8", "application/vnd.apple.mpegurl"),
    ("mpd", "application/dash+xml"),
    ("doc", "application/msword"),
    ("xls", "application/vnd.ms-excel"),
    ("ppt", "application/vnd.ms-powerpoint"),
];

const PACKED: &[(&str, &str)] = &[
    ("png", "image/png"),
    ("jpg jpeg jpe", "image/jpeg"),
    ("gif", "image/gif"),
    ("webp", "image/webp"),
    ("avif", "image/avif"),
    ("heic", "image/heic"),
    ("jxl", "image/jxl"),
    ("apng", "image/apng"),
    ("woff", "font/woff"),
    ("woff2", "font/woff2"),
    ("mp3", "audio/mpeg"),
    ("m4a", "audio/mp4"),
    ("aac", "audio/aac"),
    ("oga ogg opus", "audio/ogg"),
    ("flac", "audio/flac"),
    ("weba", "audio/webm"),
    ("mp4 m4v", "video/mp4"),
    ("webm", "video/webm"),
    ("ogv", "video/ogg"),
    ("mov", "video/quicktime"),
    ("mkv", "video/matroska"),
    ("mpeg mpg", "video/mpeg"),
    ("ts", "video/mp2t"),
    ("zip", "application/zip"),
    ("gz tgz", "application/gzip"),
    ("zst", "application/zstd"),
    ("bz2", "application/x-bzip2"),
    ("xz", "application/x-xz"),
    ("7z", "application/x-7z-compressed"),
    ("epub", "application/epub+zip"),
    ("jar", "application/java-archive"),
    ("apk", "application/vnd.android.package-archive"),
    (
        "docx",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ),
    (
        "xlsx",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ),
    (
        "pptx",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ),
    ("odt", "application/vnd.oasis.opendocument.text"),
    ("ods", "application/vnd.oasis.opendocument.spreadsheet"),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn endings() {
        for (name, expected) in [
            ("index.html", "text/html; charset=utf-8"),
            ("a/INDEX.HTM", "text/html; charset=utf-8"),
            ("app.min.js", "text/javascript; charset=utf-8"),
            ("app.js.map", "application/json"),
            ("logo.svg", "image/svg+xml"),
            ("a.tar.gz", "application/gzip"),
            ("app.js.br", "application/octet-stream"),
            ("README", "application/octet-stream"),
            ("html", "application/octet-stream"),
            ("v1.js/data", "application/octet-stream"),
            ("name.", "application/octet-stream"),
            ("", "application/octet-stream"),
            ("a.htm html", "application/octet-stream"),
        ] {
            assert_eq!(of(name.as_bytes()).name, expected, "{name}");
        }
        assert!(of(b"a.png").is_packed);
        assert!(!of(b"a.svg").is_packed);
        assert!(!of(b"a").is_packed);
    }

    #[test]
    fn no_ending_is_there_twice() {
        let mut seen = HashSet::new();
        for (endings, name) in PLAIN.iter().chain(PACKED) {
            for ending in endings.split(' ') {
                assert!(seen.insert(ending), "{ending}");
                assert_eq!(ending, ending.to_ascii_lowercase());
            }
            assert_eq!(name.starts_with("text/"), name.contains("charset"));
        }
    }
}
