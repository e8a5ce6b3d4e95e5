//! `acl` and the conditions that are made of them: `if a b or !c`, `unless { … }`.

use std::collections::HashMap;

use super::fetch::{Ports, meaning};
use super::lexer::Line;
use super::meaning::{Depends, Meaning};
use super::region::Region;

/// Longest condition, in words: what is longer is no condition but an attack on whoever reads it.
const LONGEST: usize = 1000;

/// The lists of a section, by name.
#[derive(Clone, Debug, Default)]
pub(super) struct Acls<'s> {
    /// Each line of a name is an alternative.
    lines: HashMap<&'s str, Vec<&'s Line>>,
    ports: Ports,
}

/// Requests that a rule is for: those of `is` that are in none of `but`. With the second, routes can say more than with
/// opposites, of which they have few.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) is: Meaning,
    pub(super) but: Vec<Region>,
}

impl Case {
    /// Takes requests out.
    fn without(&mut self, meaning: Meaning, listeners: &[String]) {
        if meaning.is_exact && !meaning.all.is_empty() {
            let opposite = meaning.clone().not(listeners);
            match opposite.is_exact {
                true => self.is = self.is.clone().and(opposite),
                false => self.but.extend(meaning.all),
            }
        } else {
            self.is = self.is.clone().and(meaning.not(listeners));
        }
    }
}

impl<'s> Acls<'s> {
    pub(super) fn new(lines: impl Iterator<Item = &'s Line>, ports: Ports) -> Self {
        let mut acls = Self {
            lines: HashMap::new(),
            ports,
        };
        for line in lines.filter(|line| line.word(0) == "acl") {
            acls.lines.entry(line.word(1)).or_default().push(line);
        }
        acls
    }

    /// What `if …` or `unless …` means; always, if there is none.
    pub(super) fn condition(&self, words: &[String]) -> Meaning {
        let Some((keyword, rest)) = words.split_first() else {
            return Meaning::always();
        };
        if rest.len() > LONGEST {
            return Meaning::unknown(Depends::Other, "the condition is too long");
        }
        let whole = self.alternatives(rest);
        match keyword.as_str() {
            "if" => whole,
            "unless" => self.not(whole, rest),
            _ => Meaning::unknown(Depends::Other, format!("`{keyword}` is no condition")),
        }
    }

    /// The same for rules that keep someone out, as cases that are each kept out.
    pub(super) fn cases(&self, words: &[String]) -> Vec<Case> {
        let every = Case {
            is: Meaning::always(),
            but: Vec::new(),
        };
        let Some((keyword, rest)) = words.split_first() else {
            return vec![every];
        };
        let is_known = keyword == "if" || keyword == "unless";
        if rest.len() > LONGEST || !is_known {
            let is = self.condition(words);
            return vec![Case { is, ..every }];
        }
        if keyword == "if" {
            return split(rest).iter().map(|part| self.case(part)).collect();
        }
        let mut case = every;
        for part in split(rest) {
            case.without(self.terms(part), &self.ports.names);
        }
        vec![case]
    }

    /// Terms that all have to hold, as one case.
    fn case(&self, words: &[String]) -> Case {
        let mut case = Case {
            is: Meaning::always(),
            but: Vec::new(),
        };
        let mut at = 0;
        while at < words.len() {
            let (one, next, is_not) = self.term(words, at);
            match is_not {
                true => case.without(one, &self.ports.names),
                false => case.is = case.is.and(one),
            }
            at = next;
        }
        case
    }

    /// `unless a or b` is `if !a !b`.
    fn not(&self, whole: Meaning, words: &[String]) -> Meaning {
        let parts: Vec<&[String]> = words.split(|word| word == "or" || word == "||").collect();
        if parts.len() > 1 {
            let each = parts
                .iter()
                .map(|part| self.terms(part).not(&self.ports.names));
            return each.fold(Meaning::always(), Meaning::and);
        }
        whole.not(&self.ports.names)
    }

    fn alternatives(&self, words: &[String]) -> Meaning {
        let parts = split(words);
        let mut all = parts.iter().map(|part| self.terms(part));
        let first = all.next().unwrap_or_else(Meaning::always);
        all.fold(first, Meaning::or)
    }

    /// Terms that all have to hold.
    fn terms(&self, words: &[String]) -> Meaning {
        let mut whole = Meaning::always();
        let mut at = 0;
        while at < words.len() {
            let (one, next, is_not) = self.term(words, at);
            let one = if is_not {
                one.not(&self.ports.names)
            } else {
                one
            };
            whole = whole.and(one);
            at = next;
        }
        whole
    }

    /// The term at an index without its `!`, where the next one begins, and whether there was a `!`.
    fn term(&self, words: &[String], at: usize) -> (Meaning, usize, bool) {
        let (is_not, mut word) = negated(&words[at]);
        let mut at = at + 1;
        // `! a` and `! { … }` have the mark by itself.
        if word.is_empty() && at < words.len() {
            word = words[at].as_str();
            at += 1;
        }
        if word != "{" {
            return (self.named(word), at, is_not);
        }
        let end = words[at..].iter().position(|word| word == "}");
        let end = end.map_or(words.len(), |end| at + end);
        let inside = meaning(&words[at..end], &self.ports);
        (inside, (end + 1).min(words.len()), is_not)
    }

    fn named(&self, name: &str) -> Meaning {
        if let Some(lines) = self.lines.get(name) {
            let mut all = lines.iter().map(|line| meaning(line.from(2), &self.ports));
            let first = all.next().unwrap_or_else(Meaning::never);
            return all.fold(first, Meaning::or);
        }
        let method = |methods: &[&str]| {
            let mut words = vec!["method".to_owned()];
            words.extend(methods.iter().map(|one| (*one).to_owned()));
            meaning(&words, &self.ports)
        };
        match name {
            "TRUE" | "HTTP" | "WAIT_END" | "REQ_CONTENT" => Meaning::always(),
            "FALSE" => Meaning::never(),
            "METH_GET" => method(&["GET", "HEAD"]),
            "METH_CONNECT" | "METH_DELETE" | "METH_HEAD" | "METH_OPTIONS" | "METH_POST"
            | "METH_PUT" | "METH_TRACE" => method(&[&name["METH_".len()..]]),
            _ => Meaning::unknown(
                Depends::Other,
                format!("routes have no condition such as `{name}`"),
            ),
        }
    }
}

fn split(words: &[String]) -> Vec<&[String]> {
    words.split(|word| word == "or" || word == "||").collect()
}

fn negated(word: &str) -> (bool, &str) {
    match word.strip_prefix('!') {
        Some(rest) => (true, rest),
        None => (false, word),
    }
}

/// Where `if` or `unless` begins among the words of a rule.
pub(super) fn start(line: &Line) -> usize {
    let found = line
        .words
        .iter()
        .position(|word| word == "if" || word == "unless");
    found.unwrap_or(line.words.len())
}

#[cfg(test)]
mod tests {
    use super::super::lexer::lines;
    use super::*;

    fn shown(acls: &str, condition: &str) -> Option<String> {
        let all = lines(0, acls).expect(acls);
        let ports = Ports {
            names: vec!["web".into(), "tls".into()],
            all: vec![("web".into(), 80, false), ("tls".into(), 443, true)],
        };
        let acls = Acls::new(all.iter(), ports);
        let words = lines(0, condition).expect(condition).remove(0).words;
        let regions = acls.condition(&words).best?;
        let text = |region: &super::super::region::Region| {
            let mut text = Vec::new();
            text.extend(region.listeners.clone().map(|all| all.join("+")));
            text.extend(region.host.clone());
            text.extend(region.path.as_ref().map(ToString::to_string));
            text.extend(region.methods.clone().map(|all| all.join("+")));
            text.extend(
                region
                    .headers
                    .iter()
                    .map(|(name, value)| format!("{name}={value}")),
            );
            text.extend(
                region
                    .query
                    .iter()
                    .map(|(name, value)| format!("?{name}={value}")),
            );
            text.join(" ")
        };
        Some(regions.iter().map(text).collect::<Vec<_>>().join(", "))
    }

    #[test]
    fn conditions() {
        let acls = "acl api path_beg /api/\nacl shop hdr(host) -i shop.example.com\nacl shop hdr_end(host) .shop.example\n\
            acl beta hdr(x-beta) -m found\nacl post method POST PUT\nacl v2 urlp(v) 2";
        for (condition, expected) in [
            ("if api", "/api/*"),
            (
                "if api shop",
                "shop.example.com /api/*, *.shop.example /api/*",
            ),
            ("if api or beta", "/api/*, x-beta=*"),
            ("if api !beta", "/api/* x-beta=!"),
            ("unless beta", "x-beta=!"),
            ("if { path /a /b }", "/a, /b"),
            (
                "if post v2 { path_reg ^/x/[^/]+$ }",
                "/x/{part1} POST+PUT ?v=2",
            ),
            ("unless { ssl_fc }", "web"),
            ("if !{ ssl_fc }", "web"),
            ("if METH_GET", "GET+HEAD"),
            ("if TRUE", ""),
            ("unless beta or { urlp(v) -m found }", "x-beta=! ?v=!"),
        ] {
            let found = shown(acls, condition);
            assert_eq!(found.as_deref(), Some(expected), "{condition}");
        }
        for odd in [
            "if { src 10.0.0.0/8 }",
            "if !api",
            "if { path_end .php }",
            "if nobody",
            "if { path -f list }",
            "unless beta or v2",
        ] {
            assert_eq!(shown(acls, odd), None, "{odd}");
        }
        assert_eq!(
            shown(acls, "if api { src 1.2.3.4 } or beta").as_deref(),
            Some("x-beta=*")
        );
        assert_eq!(shown(acls, "if { path_beg"), Some(String::new()));
    }

    #[test]
    fn cases_of_who_is_kept_out() {
        let all = lines(0, "acl a path_beg /a/\nacl in src 10.0.0.0/8").expect("valid");
        let acls = Acls::new(all.iter(), Ports::default());
        let cases = |text: &str| {
            let words = lines(0, text).expect(text).remove(0).words;
            let cases = acls.cases(&words);
            let one = |case: &Case| (case.is.is_exact, case.is.depends, case.but.len());
            cases.iter().map(one).collect::<Vec<_>>()
        };
        use Depends::{Nothing, Other, Rate};
        assert_eq!(cases("if a !in"), [(false, Other, 0)]);
        assert_eq!(cases("if in !a"), [(false, Other, 1)]);
        assert_eq!(cases("if a or in"), [(true, Nothing, 0), (false, Other, 0)]);
        assert_eq!(cases("unless a"), [(true, Nothing, 1)]);
        assert_eq!(cases("unless a or in"), [(false, Other, 1)]);
        assert_eq!(
            cases("if { sc0_http_req_rate gt 9 } !in"),
            [(false, Rate, 0)]
        );
        assert_eq!(
            cases("unless { sc0_http_req_rate lt 9 }"),
            [(false, Other, 0)]
        );
    }
}
