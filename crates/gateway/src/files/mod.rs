//! Interim.
use crate::config::route::Files;
pub(crate) struct Ask<'a> {
    pub path: &'a [u8],
    pub if_none_match: Option<&'a [u8]>,
    pub if_modified_since: Option<&'a [u8]>,
    pub range: Option<&'a [u8]>,
    pub if_range: Option<&'a [u8]>,
    pub accept_encoding: Option<&'a [u8]>,
    pub is_get_or_head: bool,
}
pub(crate) struct Reply {
    pub status: u16,
    pub fields: Vec<(&'static str, String)>,
    pub body: Body,
}
pub(crate) enum Body {
    None,
    Text(&'static str),
    File(Content),
}
pub(crate) struct Content;
impl Content {
    pub fn len(&self) -> u64 {
        0
    }
    pub async fn read(&mut self, _m: usize) -> std::io::Result<Vec<u8>> {
        Ok(vec![])
    }
}
pub(crate) async fn find(_f: &Files, _a: Ask<'_>) -> Reply {
    Reply {
        status: 404,
        fields: vec![],
        body: Body::None,
    }
}
