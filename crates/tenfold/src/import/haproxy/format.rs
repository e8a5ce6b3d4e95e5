//! Log-format strings of HAProxy (its manual, section 8.2.6) as templates.

use crate::import::path::escaped;

/// The text as a template; or what in it has no equal.
pub(super) fn template(text: &str) -> Result<String, String> {
    if text.contains("${") {
        return Err("a variable of the environment".into());
    }
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        out.push_str(&escaped(&rest[..at]));
        let after = &rest[at + 1..];
        if let Some(more) = after.strip_prefix('%') {
            out.push('%');
            rest = more;
            continue;
        }
        if let Some(inside) = after.strip_prefix('[') {
            let end = inside.find(']').ok_or("%[ without ]")?;
            out.push_str(sample(&inside[..end])?);
            rest = &inside[end + 1..];
            continue;
        }
        let end = after
            .find(|c: char| !c.is_ascii_alphanumeric())
            .unwrap_or(after.len());
        let name = &after[..end];
        out.push_str(match name {
            "ci" => "{client_ip}",
            "ID" => "{request_id}",
            "HP" => "{path}",
            "HPO" => "{path}",
            "HU" => "{path}{query}",
            _ => return Err(format!("%{name}")),
        });
        rest = &after[end..];
    }
    out.push_str(&escaped(rest));
    Ok(out)
}

fn sample(text: &str) -> Result<&'static str, String> {
    let (fetch, converters) = text.split_once(',').unwrap_or((text, ""));
    let is_plain = matches!(
        converters,
        "" | "lower" | "host_only" | "field(1,:)" | "lower,field(1,:)" | "field(1,:),lower"
    );
    let place = match fetch {
        "src" | "fc_src" if converters.is_empty() => Some("{client_ip}"),
        "path" if converters.is_empty() => Some("{path}"),
        "pathq" | "url" | "capture.req.uri" if converters.is_empty() => Some("{path}{query}"),
        "unique-id" if converters.is_empty() => Some("{request_id}"),
        "hdr(host)" | "req.hdr(host)" | "hdr(Host)" | "req.hdr(Host)" | "req.fhdr(host)"
            if is_plain =>
        {
            Some("{host}")
        }
        _ => None,
    };
    place.ok_or_else(|| format!("%[{text}]"))
}

/// True if nothing in it depends on the request.
pub(super) fn is_literal(text: &str) -> bool {
    !text.contains('%') && !text.contains("${")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates() {
        for (text, expected) in [
            ("%[src]", "{client_ip}"),
            (
                "https://%[req.hdr(host)]%[pathq]",
                "https://{host}{path}{query}",
            ),
            ("100%%{x}", "100%{{x}}"),
            ("%ci", "{client_ip}"),
            ("/v2%[path]", "/v2{path}"),
        ] {
            assert_eq!(template(text).as_deref(), Ok(expected), "{text}");
        }
        for odd in ["%[ssl_fc]", "%T", "%[src", "${HOME}", "%[path,lower]"] {
            assert!(template(odd).is_err(), "{odd}");
        }
    }
}
