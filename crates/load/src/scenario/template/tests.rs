use fastrand::Rng;
use proptest::prelude::*;

use super::*;
use crate::results::ErrorKind;
use crate::scenario::Problem;
use crate::scenario::value::View;

/// Variables by index, and rows of one column that is one of them.
struct Known<'k>(Vec<View<'k>>, Rng);

impl Knowledge for Known<'_> {
    fn variable(&self, index: usize) -> Result<View<'_>, Problem> {
        let missing = || Problem::new(ErrorKind::Prepare, "no value");
        self.0.get(index).copied().ok_or_else(missing)
    }

    fn column(&mut self, _: usize, column: usize) -> Result<View<'_>, Problem> {
        self.variable(column)
    }

    fn rng(&mut self) -> &mut Rng {
        &mut self.1
    }

    fn unfit(&self, _: &Source, why: &str) -> Problem {
        Problem::new(ErrorKind::Prepare, why)
    }
}

fn named(name: &str) -> Result<Meaning, TemplateError> {
    match name {
        "a" => Ok(Meaning::Source(Source::Variable(0))),
        "n" => Ok(Meaning::Source(Source::Variable(1))),
        "f.c" => Ok(Meaning::Source(Source::Column(0, 0))),
        "env:HOME" => Ok(Meaning::Text("/ho me".to_owned())),
        "none" => Ok(Meaning::Source(Source::Variable(9))),
        _ => Err(TemplateError::new(format!("no {name}"), "")),
    }
}

fn filled(template: &Template, a: &str) -> Result<String, Problem> {
    let (text, number) = (
        View {
            text: a,
            is_json: false,
        },
        View {
            text: "7",
            is_json: true,
        },
    );
    let mut known = Known(vec![text, number], Rng::with_seed(3));
    let mut into = String::new();
    let written = template.write(&mut known, 1 << 20, &mut into)?;
    assert_eq!(written, Ok(()));
    Ok(into)
}

fn parse(text: &str, escape: Escape) -> Template {
    Template::parse(text, escape, &mut named).expect(text)
}

#[test]
fn a_value_is_written_as_its_place_needs_it() {
    let value = "x y&z=\"ü\"/?";
    for (escape, expected) in [
        (Escape::Plain, "<x y&z=\"ü\"/?>"),
        (Escape::Path, "%3Cx%20y&z=%22%C3%BC%22/?%3E"),
        (Escape::Component, "%3Cx%20y%26z%3D%22%C3%BC%22%2F%3F%3E"),
        (Escape::Field, "<x y&z=\"ü\"/?>"),
        (Escape::JsonText, "<x y&z=\\\"ü\\\"/?>"),
    ] {
        let template = parse("<${ a }>", escape);
        assert_eq!(filled(&template, value).expect("filled"), expected);
        assert!(!template.is_constant());
    }
    let environment = parse("${env:HOME}", Escape::Component);
    assert!(environment.is_constant());
    assert_eq!(filled(&environment, "").expect("filled"), "%2Fho%20me");
}

#[test]
fn a_value_stays_in_its_part_of_a_path() {
    let path = |text: &str| Template::parse_path(text, &mut named).expect(text);
    for (text, value, expected) in [
        ("/x/${a}", "a/b?c&d=é", "/x/a/b%3Fc&d=%C3%A9"),
        ("/x/${a}", "a%20b", "/x/a%20b"),
        ("/x${a}", "?q=1&r=2", "/x?q=1&r=2"),
        (
            "/x y?q=${a}&r=ü z",
            "a/b?c&d=é",
            "/x%20y?q=a/b?c%26d%3D%C3%A9&r=%C3%BC%20z",
        ),
        ("/x?q=${a}", "a+b%20c #", "/x?q=a+b%20c%20%23"),
        ("${a}", "a/b?c&d=é", "a/b?c&d=%C3%A9"),
    ] {
        assert_eq!(filled(&path(text), value).expect(text), expected, "{text}");
    }
}

#[test]
fn json_keeps_the_kind_of_a_value_that_stands_alone() {
    for (text, expected) in [
        ("${a}", "\"q\\\"\""),
        ("${n}", "7"),
        ("${n} of ${a}", "\"7 of q\\\"\""),
        ("${random(5, 5)}", "5"),
        ("${null()}", "null"),
        ("$${null()}", "\"${null()}\""),
        ("plain", "\"plain\""),
        ("", "\"\""),
        ("$${a}", "\"${a}\""),
    ] {
        let template = Template::parse_json(text, &mut named).expect(text);
        assert_eq!(filled(&template, "q\"").expect(text), expected, "{text}");
    }
    let uuid = Template::parse_json("${uuid()}", &mut named).expect("a function");
    let text: String = serde_json::from_str(&filled(&uuid, "").expect("filled")).expect("JSON");
    assert_eq!(text.len(), 36);
    assert_eq!(
        (&text[14..15], text[19..20].contains(['8', '9', 'a', 'b'])),
        ("4", true)
    );
}

#[test]
fn what_could_end_a_field_is_refused() {
    let template = parse("Bearer ${a}", Escape::Field);
    let problem = filled(&template, "x\r\nevil: 1").expect_err("refused");
    assert_eq!(problem.kind, ErrorKind::Prepare);
    assert!(Template::parse("a\nb", Escape::Field, &mut named).is_err());
}

#[test]
fn a_text_ends_where_it_becomes_too_long() {
    let template = parse(&"${a}".repeat(1000), Escape::Plain);
    let long = "x".repeat(1000);
    let mut known = Known(
        vec![View {
            text: &long,
            is_json: false,
        }],
        Rng::new(),
    );
    let mut into = String::new();
    let written = template
        .write(&mut known, 10_000, &mut into)
        .expect("values");
    assert_eq!(written, Err(TooLong));
    assert!(into.len() <= 11_000);
}

#[test]
fn functions() {
    let number = |text: &str| -> i64 {
        let template = parse(text, Escape::Plain);
        let text = filled(&template, "").expect(text);
        text.parse().expect("a number")
    };
    assert!((1..=10).contains(&number("${zipf(10, 1.0)}")));
    assert!((-5..=5).contains(&number("${random(-5, 5)}")));
    number("${random(-9223372036854775808, 9223372036854775807)}");
    // 2020 and the end of the century.
    assert!((1_577_000_000_000..4_102_000_000_000).contains(&number("${now()}")));
    for bad in [
        "${",
        "${a",
        "${}",
        "${b}",
        "${f()}",
        "${zipf(10)}",
        "${zipf(0, 1)}",
        "${zipf(10, x)}",
        "${zipf(10, -1)}",
        "${random(2, 1)}",
        "${random(1.5, 2)}",
        "${random(1, 99999999999999999999)}",
        "${uuid(1)}",
        "${now(}",
        "${null()}",
    ] {
        assert!(
            Template::parse(bad, Escape::Plain, &mut named).is_err(),
            "{bad}"
        );
    }
}

proptest! {
    #[test]
    fn no_text_panics_and_constants_stay(text in ".{0,40}", value in ".{0,20}") {
        for escape in [Escape::Plain, Escape::Path, Escape::Component, Escape::Field, Escape::JsonText] {
            if let Ok(template) = Template::parse(&text, escape, &mut named) {
                let _filled = filled(&template, &value);
            }
        }
        if !text.contains("${") {
            prop_assert_eq!(filled(&parse(&text, Escape::Plain), "").expect("constant"), text);
        }
    }

    #[test]
    fn values_never_leave_their_place(value in any::<String>()) {
        let json = Template::parse_json("a ${a}", &mut named).expect("valid");
        let read: String = serde_json::from_str(&filled(&json, &value).expect("filled")).expect("JSON");
        prop_assert_eq!(read, format!("a {value}"));
        let query = filled(&parse("${a}", Escape::Component), &value).expect("filled");
        prop_assert!(query.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte)));
        let path = filled(&parse("/${a}", Escape::Path), &value).expect("filled");
        prop_assert!(path.bytes().all(|byte| byte > b' ' && byte < 0x7F && byte != b'#'));
    }
}
