//! Paths that an answer gave: `Location` and the links of pages (RFC 3986 section 4.2).
//!
//! A link may be a whole URL, of the target or of the name that a step's own field Host says. It already has in front of it what
//! precedes every path of the test, or not, if somebody between the service and us takes that away.

use super::Problem;
use super::template::shortened;
use crate::results::ErrorKind;
use crate::test::Target;

/// Makes of the target's base and what follows it a path that can be sent.
pub(super) fn settle(
    path: &mut String,
    is_link: bool,
    target: &Target,
    own_host: Option<&str>,
) -> Result<(), Problem> {
    let base = &target.base;
    let written = &path[base.len()..];
    if written.starts_with('/') {
        let is_there = |rest: &str| rest.is_empty() || rest.starts_with(['/', '?']);
        if is_link && !base.is_empty() && written.strip_prefix(base.as_str()).is_some_and(is_there)
        {
            *path = written.to_owned();
        }
        return Ok(());
    }
    match of_whole(written, target, own_host) {
        Some(rest) if rest.starts_with('/') => *path = rest.to_owned(),
        Some(rest) => *path = format!("/{rest}"),
        None => {
            let message = format!("the path `{}` does not begin with /", shortened(written));
            return Err(Problem::new(ErrorKind::Prepare, message));
        }
    }
    Ok(())
}

/// Path and query of a whole URL, if it is one of the same server.
fn of_whole<'w>(written: &'w str, target: &Target, own_host: Option<&str>) -> Option<&'w str> {
    let (scheme, rest) = written.split_once("://")?;
    let own = if target.is_tls { "https" } else { "http" };
    let (authority, rest) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let usual = if target.is_tls { 443 } else { 80 };
    let place = |authority: &str| {
        Some((
            without_port(authority).to_ascii_lowercase(),
            port(authority, usual)?,
        ))
    };
    let asked = place(authority)?;
    let is_target = asked == (target.host.to_ascii_lowercase(), target.port);
    let is_own = own_host.is_some_and(|host| place(host).as_ref() == Some(&asked));
    (scheme.eq_ignore_ascii_case(own) && (is_target || is_own)).then_some(rest)
}

/// The name or address of an authority; IPv6 without brackets.
pub(super) fn without_port(authority: &str) -> &str {
    match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    }
}

fn port(authority: &str, usual: u16) -> Option<u16> {
    let behind = authority.rsplit(']').next().unwrap_or_default();
    match behind.split_once(':') {
        None | Some((_, "")) => Some(usual),
        Some((_, port)) => port.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_links_are_of_the_same_server_or_of_none() {
        let six = Target::new("::1", 8080);
        let of = |link: &str| of_whole(link, &six, Some("shop.test")).map(str::to_owned);
        assert_eq!(of("http://[::1]:8080/a"), Some("/a".to_owned()));
        assert_eq!(of("http://SHOP.test?b"), Some("?b".to_owned()));
        assert_eq!(of("http://shop.test:/c"), Some("/c".to_owned()));
        for other in [
            "http://[::1]/a",
            "https://[::1]:8080/a",
            "http://shop.test:8080/",
            "http://user@shop.test/",
            "http://shop.test:99999/",
            "http://shop.test.evil/",
            "//shop.test/",
            "",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
    }
}
