//! What the table is asked, and what it answers.

use tenfold_http1::field::Span;

/// What of a request decides about its route.
#[derive(Clone, Copy)]
pub struct Ask<'a> {
    /// Index of the listener that it came to.
    pub listener: usize,
    /// The authority as it was sent: any case, maybe with a port, empty if there is none.
    pub host: &'a [u8],
    /// The path in normal form, see [`normalise`](super::normalise).
    pub path: &'a [u8],
    /// The query as it was sent, without its `?`.
    pub query: &'a [u8],
    /// The method as it was sent.
    pub method: &'a [u8],
    /// The request's fields. They are looked at only for a route that has conditions on them.
    pub fields: &'a dyn Fields,
}

/// The fields of a request.
pub trait Fields {
    /// True if a field of that name (in lower case) has a value for which `test` is true.
    fn any(&self, name: &str, test: &mut dyn FnMut(&[u8]) -> bool) -> bool;
}

/// Names (in any case) and values; a slice's reference, because what is behind a `dyn` has a size.
impl<N: AsRef<[u8]>, V: AsRef<[u8]>> Fields for &[(N, V)] {
    fn any(&self, name: &str, test: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        self.iter().any(|(other, value)| {
            other.as_ref().eq_ignore_ascii_case(name.as_bytes()) && test(value.as_ref())
        })
    }
}

/// The route that a request takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found<'t> {
    /// Index into the routes that the table was made of.
    pub index: usize,
    /// What the captures of the path that matched stand for.
    pub captures: Captures<'t>,
    /// Where that stands in the path for which the `*` stands, without the slash before it; empty if there is none.
    pub rest: Span,
}

/// Which segments of a path have names. Where they stand is found when one is asked for: most routes never ask.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Captures<'t> {
    named: &'t [Capture],
}

/// A segment that has a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Capture {
    pub(super) name: Box<str>,
    /// Its number in the path, from 0.
    pub(super) segment: u32,
}

impl<'t> Captures<'t> {
    pub(super) fn new(named: &'t [Capture]) -> Self {
        Self { named }
    }

    /// What the capture of that name stands for in the path that was looked up; `None` if that path has no such capture.
    #[must_use]
    pub fn get<'p>(&self, name: &str, path: &'p [u8]) -> Option<&'p [u8]> {
        let capture = self.named.iter().find(|capture| &*capture.name == name)?;
        let segments = path.strip_prefix(b"/")?.split(|byte| *byte == b'/');
        segments.into_iter().nth(capture.segment as usize)
    }
}
