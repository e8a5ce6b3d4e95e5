//! Cookies of one session (RFC 6265).
//!
//! # The trade-off
//! A user talks to one host only. So a cookie's domain decides no more than whether it is kept at all, and which one it replaces;
//! public suffixes do not matter: a list is enough. Libraries bring a database of domains and kilobytes for each of 10,000 users.

mod date;

use std::time::{Duration, SystemTime};

/// Most cookies of a session; the oldest gives way (RFC 6265 section 6.1 asks for 50 per domain).
const MOST: usize = 50;

/// Largest name and value together (RFC 6265 section 6.1).
const LARGEST: usize = 4096;

/// What a session has been given.
#[derive(Clone, Debug, Default)]
pub(super) struct Jar {
    cookies: Vec<Cookie>,
}

#[derive(Clone, Debug)]
struct Cookie {
    name: String,
    value: String,
    path: String,
    /// As it was said, in lower case; empty for the host alone. It tells cookies apart, and nothing else.
    domain: String,
    /// Whether only TLS may see it.
    is_secure: bool,
    expires: Option<SystemTime>,
}

/// To whom a request goes, as far as cookies care.
#[derive(Clone, Copy, Debug)]
pub(super) struct Site<'s> {
    pub(super) host: &'s str,
    pub(super) is_tls: bool,
    /// Of the request, perhaps with a query.
    pub(super) path: &'s str,
}

impl Jar {
    pub(super) fn clear(&mut self) {
        self.cookies.clear();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.cookies.is_empty()
    }

    /// Keeps what a `Set-Cookie` says (section 5.3), if it is for this site.
    pub(super) fn keep(&mut self, set_cookie: &[u8], site: Site<'_>, now: SystemTime) {
        let Some(set) = parse(set_cookie) else { return };
        if set
            .domain
            .is_some_and(|domain| !is_within(site.host, domain))
        {
            return;
        }
        // Section 5.4 of RFC 6265bis, which browsers follow: plain text must not set what only TLS may see.
        if set.is_secure && !site.is_tls {
            return;
        }
        let path = match set.path {
            Some(path) if path.starts_with('/') => path.to_owned(),
            _ => default_path(site.path).to_owned(),
        };
        let domain = set.domain.unwrap_or_default().to_ascii_lowercase();
        let before = self
            .cookies
            .iter()
            .position(|it| it.name == set.name && it.path == path && it.domain == domain);
        // Max-Age counts more than Expires.
        let expires = match set.max_age {
            Some(age) => age.map(|age| now + age),
            None => set.expires,
        };
        let is_over = matches!(set.max_age, Some(None)) || expires.is_some_and(|at| at <= now);
        if is_over {
            if let Some(index) = before {
                self.cookies.remove(index);
            }
            return;
        }
        let cookie = Cookie {
            name: set.name.to_owned(),
            value: set.value.to_owned(),
            path,
            domain,
            is_secure: set.is_secure,
            expires,
        };
        match before {
            // In its old place: cookies are sent in the order of their creation.
            Some(index) => self.cookies[index] = cookie,
            None => {
                if self.cookies.len() >= MOST {
                    self.cookies.remove(0);
                }
                self.cookies.push(cookie);
            }
        }
    }

    /// The field `Cookie` of a request (section 5.4); `None` if there is nothing to say.
    pub(super) fn field(&mut self, site: Site<'_>) -> Option<String> {
        if self.cookies.iter().any(|cookie| cookie.expires.is_some()) {
            let now = SystemTime::now();
            self.cookies
                .retain(|cookie| cookie.expires.is_none_or(|at| at > now));
        }
        let is_sent = |cookie: &&Cookie| {
            (site.is_tls || !cookie.is_secure) && covers(&cookie.path, without_query(site.path))
        };
        let mut sent: Vec<_> = self.cookies.iter().filter(is_sent).collect();
        // Longer paths first; the sort keeps the order among equals.
        sent.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let mut field = String::new();
        for cookie in sent {
            if !field.is_empty() {
                field.push_str("; ");
            }
            field.push_str(&cookie.name);
            field.push('=');
            field.push_str(&cookie.value);
        }
        (!field.is_empty()).then_some(field)
    }
}

/// The value that a `Set-Cookie` gives a cookie of this name.
pub(super) fn value_of<'c>(set_cookie: &'c [u8], name: &str) -> Option<&'c str> {
    let set = parse(set_cookie)?;
    (set.name == name).then_some(set.value)
}

/// What a `Set-Cookie` says.
#[derive(Debug, Default)]
struct SetCookie<'c> {
    name: &'c str,
    value: &'c str,
    domain: Option<&'c str>,
    path: Option<&'c str>,
    /// `Some(None)`: over at once.
    max_age: Option<Option<Duration>>,
    expires: Option<SystemTime>,
    is_secure: bool,
}

/// RFC 6265 section 5.2.
fn parse(text: &[u8]) -> Option<SetCookie<'_>> {
    let text = std::str::from_utf8(text).ok()?;
    if text.chars().any(|one| one.is_control() && one != '\t') {
        return None;
    }
    let mut parts = text.split(';');
    let (name, value) = parts.next()?.split_once('=')?;
    let (name, value) = (name.trim(), value.trim());
    if name.is_empty() || name.len() + value.len() > LARGEST {
        return None;
    }
    let mut set = SetCookie {
        name,
        value,
        ..SetCookie::default()
    };
    for part in parts {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        let value = value.trim();
        match key.trim().to_ascii_lowercase().as_str() {
            "domain" => {
                let domain = value.strip_prefix('.').unwrap_or(value);
                set.domain = (!domain.is_empty()).then_some(domain);
            }
            "path" => set.path = Some(value),
            "max-age" => set.max_age = max_age(value).or(set.max_age),
            "expires" => set.expires = date::parse(value).or(set.expires),
            "secure" => set.is_secure = true,
            // HttpOnly and SameSite are about pages, which are not here.
            _ => {}
        }
    }
    Some(set)
}

/// Section 5.2.2; a century is for ever.
fn max_age(text: &str) -> Option<Option<Duration>> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let seconds = digits.parse::<u64>().unwrap_or(u64::MAX).min(3_155_760_000);
    let is_over = text.starts_with('-') || seconds == 0;
    Some((!is_over).then(|| Duration::from_secs(seconds)))
}

/// Section 5.1.3.
fn is_within(host: &str, domain: &str) -> bool {
    if host.eq_ignore_ascii_case(domain) {
        return true;
    }
    let is_address = host.parse::<std::net::IpAddr>().is_ok();
    let before = host.len().checked_sub(domain.len());
    let ends = before.and_then(|at| Some((host.get(..at)?, host.get(at..)?)));
    !is_address
        && ends
            .is_some_and(|(before, end)| before.ends_with('.') && end.eq_ignore_ascii_case(domain))
}

/// Section 5.1.4.
fn default_path(path: &str) -> &str {
    let path = without_query(path);
    match path.rfind('/') {
        Some(0) | None => "/",
        Some(last) => &path[..last],
    }
}

fn covers(cookie: &str, path: &str) -> bool {
    match path.strip_prefix(cookie) {
        Some(rest) => rest.is_empty() || cookie.ends_with('/') || rest.starts_with('/'),
        None => false,
    }
}

fn without_query(path: &str) -> &str {
    path.split(['?', '#']).next().unwrap_or(path)
}

#[cfg(test)]
mod tests;
