use super::*;

fn extract(from: From, regex: Option<&str>) -> Extract {
    Extract {
        variable: 0,
        from,
        regex: regex.map(|regex| Regex::new(regex).expect("a regular expression")),
        pick: Pick::First,
        default: None,
    }
}

fn json(path: &str) -> From {
    From::Json(JsonPath::parse(path).expect("a path"))
}

fn answer() -> Answer {
    let field = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_owned());
    Answer {
        status: 201,
        fields: vec![
            field("location", "/orders/42?x"),
            field("set-cookie", "sid=abc; Path=/"),
            field("set-cookie", "other=1"),
        ],
        body: br#"{"token": "t\"1", "items": [{"id": 1}, {"id": 2}], "none": null}"#.to_vec(),
        ..Answer::default()
    }
}

fn take(extract: &Extract, answer: &Answer) -> Result<Value, Problem> {
    let json = JsonBody::new(&answer.body);
    extract.take("v", answer, &json, &mut Rng::with_seed(1))
}

#[test]
fn from_everywhere() {
    let body = || From::Body;
    for (from, regex, expected, is_json) in [
        (json("$.token"), None, "t\"1", false),
        (json("$.items[1].id"), None, "2", true),
        (json("$.items[?@.id == 2]"), None, "{\"id\":2}", true),
        (json("$.none"), None, "null", true),
        (json("$.token"), Some("[0-9]"), "1", false),
        (From::Header("location".into()), None, "/orders/42?x", false),
        (
            From::Header("location".into()),
            Some("/orders/([0-9]+)"),
            "42",
            false,
        ),
        (From::Cookie("sid".into()), None, "abc", false),
        (body(), Some("\"id\": ?([0-9])"), "1", false),
    ] {
        let extract = extract(from, regex);
        let value = take(&extract, &answer()).expect(expected);
        assert_eq!(
            (value.view().text, value.view().is_json),
            (expected, is_json)
        );
    }
}

#[test]
fn what_is_not_there_is_named() {
    for (from, regex, expected) in [
        (
            json("$.a.b"),
            None,
            "`extract.v`: nothing matches the JSON path `$.a.b` in the body (64 bytes)",
        ),
        (
            From::Header("etag".into()),
            None,
            "`extract.v`: the answer has no field `etag`",
        ),
        (
            From::Cookie("x".into()),
            None,
            "`extract.v`: the answer sets no cookie `x`",
        ),
        (
            From::Body,
            Some("zzz"),
            "`extract.v`: there is nothing in the body that `zzz` matches (64 bytes)",
        ),
    ] {
        let problem = take(&extract(from, regex), &answer()).expect_err(expected);
        assert_eq!(
            (problem.kind, problem.message.as_str()),
            (ErrorKind::Extract, expected)
        );
    }
    let html = Answer {
        body: b"<html>".to_vec(),
        ..Answer::default()
    };
    let problem = take(&extract(json("$.a"), None), &html).expect_err("no JSON");
    assert_eq!(
        problem.message,
        "`extract.v`: the body is no JSON (6 bytes)"
    );
    let mut lenient = extract(json("$.a"), None);
    lenient.default = Some("d".to_owned());
    assert_eq!(take(&lenient, &html), Ok(Value::text("d")));
}

#[test]
fn one_of_several() {
    let mut items = extract(json("$.items[*].id"), None);
    items.pick = Pick::Last;
    assert_eq!(take(&items, &answer()).expect("some").view().text, "2");
    items.pick = Pick::Random;
    let mut rng = Rng::with_seed(1);
    let answer = answer();
    let body = JsonBody::new(&answer.body);
    let mut first = 0;
    for _ in 0..1000 {
        let value = items.take("v", &answer, &body, &mut rng).expect("some");
        first += u32::from(value.view().text == "1");
    }
    assert!((450..550).contains(&first), "{first}");
}

#[test]
fn a_page_is_no_value() {
    let page = Answer {
        body: vec![b'x'; LONGEST + 1],
        ..Answer::default()
    };
    let problem = take(&extract(From::Body, None), &page).expect_err("too long");
    assert_eq!(problem.message, "`extract.v` is longer than 64 KiB");
}
