use super::*;

fn answer() -> Answer {
    let field = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_owned());
    let body = br#"{"state": "paid", "items": [1, 2]}"#.to_vec();
    Answer {
        status: 200,
        fields: vec![field("x-cache", "MISS"), field("x-cache", "HIT from b")],
        size: body.len() as u64,
        body,
        time: Duration::from_millis(120),
    }
}

fn check(expect: &Expect) -> Result<(), (ErrorKind, String)> {
    let answer = answer();
    let checked = expect.check(&answer, &JsonBody::new(&answer.body));
    checked.map_err(|problem| (problem.kind, problem.message))
}

fn refused(expect: &Expect) -> String {
    let (kind, message) = check(expect).expect_err("not as expected");
    assert_eq!(kind, ErrorKind::Expectation);
    message
}

#[test]
fn statuses() {
    let with = |statuses| Expect {
        statuses,
        ..Expect::default()
    };
    assert_eq!(check(&with(vec![])), Ok(()));
    assert_eq!(check(&with(vec![404..=404, 200..=204])), Ok(()));
    let message = "the status is 200, not 201, 300-399".to_owned();
    let wrong = check(&with(vec![201..=201, 300..=399]));
    assert_eq!(wrong, Err((ErrorKind::Status, message)));
    let failed = Answer {
        status: 503,
        ..Answer::default()
    };
    let problem = Expect::default()
        .check(&failed, &JsonBody::new(b""))
        .expect_err("503");
    assert_eq!(problem.message, "the status is 503");
}

#[test]
fn fields() {
    let with = |name: &str, test| Expect {
        fields: vec![(name.to_owned(), test)],
        ..Expect::default()
    };
    for right in [
        with("x-cache", TextTest::Present),
        with("x-cache", TextTest::Begins("HIT".into())),
        with("x-cache", TextTest::Is("MISS".into())),
        with("etag", TextTest::Absent),
    ] {
        assert_eq!(check(&right), Ok(()));
    }
    assert_eq!(
        refused(&with("x-cache", TextTest::Absent)),
        "the field `x-cache` is there"
    );
    assert_eq!(
        refused(&with("etag", TextTest::Present)),
        "the field `etag` is not there"
    );
    let message = "the field `etag` is not `a`: it is not there";
    assert_eq!(refused(&with("etag", TextTest::Is("a".into()))), message);
    // A field that is there, but otherwise, is not absent.
    let message = "the field `x-cache` is not `HIT`";
    assert_eq!(
        refused(&with("x-cache", TextTest::Is("HIT".into()))),
        message
    );
}

#[test]
fn bodies() {
    let with = |test| Expect {
        body: vec![test],
        ..Expect::default()
    };
    assert_eq!(check(&with(TextTest::Contains("paid".into()))), Ok(()));
    assert_eq!(check(&with(TextTest::Contains(String::new()))), Ok(()));
    assert_eq!(check(&with(TextTest::Lacks("error".into()))), Ok(()));
    let regex = Regex::new("\\[1, \\d\\]").expect("a regular expression");
    assert_eq!(check(&with(TextTest::Matches(regex))), Ok(()));
    assert_eq!(
        refused(&with(TextTest::Lacks("paid".into()))),
        "the body contains `paid`"
    );
    let long = "x".repeat(10_000);
    assert!(refused(&with(TextTest::Contains(long))).len() < 200);
}

#[test]
fn json_paths() {
    let with = |path, test| Expect {
        json: vec![(JsonPath::parse(path).expect("a path"), test)],
        ..Expect::default()
    };
    assert_eq!(check(&with("$.state", TextTest::Is("paid".into()))), Ok(()));
    assert_eq!(check(&with("$.items[*]", TextTest::Is("2".into()))), Ok(()));
    assert_eq!(check(&with("$.error", TextTest::Absent)), Ok(()));
    let message = "the JSON path `$.state` is not `open`";
    assert_eq!(
        refused(&with("$.state", TextTest::Is("open".into()))),
        message
    );
    let message = "the JSON path `$.a` is not there";
    assert_eq!(refused(&with("$.a", TextTest::Present)), message);
}

#[test]
fn size_and_time() {
    let with = |size, time: Option<u64>| Expect {
        size,
        time: time.map(Duration::from_millis),
        ..Expect::default()
    };
    assert_eq!(check(&with(Some(34..=34), Some(120))), Ok(()));
    let message = "the body does not have at least 35 bytes";
    assert_eq!(refused(&with(Some(35..=u64::MAX), None)), message);
    let message = "the body does not have at most 33 bytes";
    assert_eq!(refused(&with(Some(0..=33), None)), message);
    assert_eq!(
        refused(&with(None, Some(119))),
        "the answer took longer than 119ms"
    );
}
