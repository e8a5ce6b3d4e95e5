use std::time::Duration;

use super::super::feed::{Feed, Order, Rows};
use super::super::{Escape, Extract, From, Meaning, Pick, Scenario, TemplateError};
use super::*;
use crate::test::{Arrivals, Load, Markov, Mix, Phase, Protocol, Shard};

const VARIABLES: [&str; 2] = ["token", "next"];

fn test(mix: Mix, weights: &[f64]) -> Test {
    let target = Target {
        is_tls: false,
        host: "shop.example.com".to_owned(),
        port: 80,
        base: "/base".to_owned(),
        protocol: Protocol::Http1,
        is_insecure: false,
        ca: None,
        connections: 10,
        reuses: true,
        connect_timeout: Duration::from_secs(1),
        timeout: Duration::from_secs(1),
    };
    let scenario = |weight: &f64| Scenario {
        name: "s".to_owned(),
        weight: *weight,
        steps: vec![Step::new("GET", "/")],
    };
    let feed = |name: &str, order, per| Feed {
        name: name.to_owned(),
        rows: Arc::new(Rows::from_csv(b"mail,password\na@x,1\nb@x,2\n", b',').expect("CSV")),
        order,
        per,
    };
    Test {
        name: "test".to_owned(),
        target,
        phases: vec![Phase {
            name: "p".to_owned(),
            duration: Duration::from_secs(1),
            load: Load::Rate { from: 1.0, to: 1.0 },
            is_warm_up: false,
        }],
        arrivals: Arrivals::Even,
        scenarios: weights.iter().map(scenario).collect(),
        mix,
        replay: None,
        setup: Vec::new(),
        teardown: Vec::new(),
        feeds: vec![
            feed("users", Order::Once, Per::Session),
            feed("words", Order::Sequential, Per::Step),
        ],
        variables: VARIABLES.map(str::to_owned).to_vec(),
        thresholds: Vec::new(),
        seed: 7,
        threads: 1,
        shard: Shard::default(),
        start_at: None,
        grace: Duration::from_secs(1),
    }
}

fn user_of(test: Test) -> (User, Arc<Shared>) {
    let shared = Arc::new(Shared::new(&test));
    (User::new(&Arc::new(test), &shared, 0), shared)
}

fn user() -> (User, Arc<Shared>) {
    user_of(test(Mix::Random, &[1.0]))
}

fn named(name: &str) -> Result<Meaning, TemplateError> {
    let source = match name {
        "token" => Source::Variable(0),
        "next" => Source::Variable(1),
        "users.mail" => Source::Column(0, 0),
        "users.password" => Source::Column(0, 1),
        "words.mail" => Source::Column(1, 0),
        _ => return Err(TemplateError::new("unknown", "")),
    };
    Ok(Meaning::Source(source))
}

fn step(path: &str) -> Step {
    let mut step = Step::new("GET", "/");
    step.request.path = Template::parse(path, Escape::Path, &mut named).expect(path);
    step
}

fn prepared(user: &mut User, step: &Step) -> Outgoing {
    let mut outgoing = Outgoing::default();
    user.prepare(step, &mut outgoing).expect("all is there");
    outgoing
}

fn refused(user: &mut User, step: &Step) -> String {
    let problem = user
        .prepare(step, &mut Outgoing::default())
        .expect_err("refused");
    assert_eq!(problem.kind, ErrorKind::Prepare);
    problem.message
}

fn path(user: &mut User, text: &str) -> String {
    prepared(user, &step(text)).path
}

/// As files of scenarios have it.
fn link(text: &str) -> Step {
    let mut step = Step::new("GET", "/");
    step.request.path = Template::parse_path(text, &mut named).expect(text);
    step
}

fn takes(variable: usize, from: From) -> Step {
    let mut step = step("/take");
    step.extract.push(Extract {
        variable,
        from,
        regex: None,
        pick: Pick::First,
        default: None,
    });
    step
}

fn answered(user: &mut User, step: &Step, name: &str, value: &str) {
    let answer = Answer {
        status: 200,
        fields: vec![(name.to_owned(), value.as_bytes().to_owned())],
        ..Answer::default()
    };
    user.conclude(step, &answer).expect("as expected");
}

#[test]
fn the_plain_request_wants_nothing_and_is_always_the_same() {
    let (mut user, _) = user();
    let plain = Step::new("GET", "/a?b=c");
    assert!(plain.is_constant() && !plain.wants_fields() && !plain.wants_body());
    user.begin();
    let outgoing = prepared(&mut user, &plain);
    assert_eq!(
        (outgoing.method.as_str(), outgoing.path.as_str()),
        ("GET", "/base/a?b=c")
    );
    assert!(outgoing.fields.is_empty() && outgoing.body.is_empty());
    let answer = |status| Answer {
        status,
        ..Answer::default()
    };
    assert_eq!(user.conclude(&plain, &answer(399)), Ok(()));
    let problem = user.conclude(&plain, &answer(400)).expect_err("failed");
    assert_eq!(problem.kind, ErrorKind::Status);
}

#[test]
fn what_an_answer_said_is_in_later_requests_of_the_session_only() {
    let (mut user, _) = user();
    let take = takes(0, From::Header("x-token".into()));
    assert!(take.wants_fields() && !take.wants_body());
    let mut use_it = step("/use/${token}");
    let value = Template::parse("Bearer ${token}", Escape::Field, &mut named).expect("valid");
    use_it
        .request
        .fields
        .push(("authorization".to_owned(), value));
    let body = Template::parse_json("${token}", &mut named).expect("valid");
    use_it.request.body.append(body);
    assert!(!use_it.is_constant());

    user.begin();
    let message = "the path: the variable `token` has no value in this session";
    assert_eq!(refused(&mut user, &use_it), message);
    answered(&mut user, &take, "x-token", "t/1 2");
    let outgoing = prepared(&mut user, &use_it);
    assert_eq!(outgoing.path, "/base/use/t/1%202");
    assert_eq!(
        outgoing.fields,
        [("authorization".to_owned(), "Bearer t/1 2".to_owned())]
    );
    assert_eq!(outgoing.body, b"\"t/1 2\"");
    user.begin();
    assert_eq!(refused(&mut user, &use_it), message);
}

#[test]
fn what_is_not_in_an_answer_is_named_with_its_step() {
    let (mut user, _) = user();
    user.begin();
    let mut take = takes(0, From::Header("x-token".into()));
    take.name = "log in".to_owned();
    let answer = Answer {
        status: 200,
        ..Answer::default()
    };
    let problem = user.conclude(&take, &answer).expect_err("no such field");
    let message = "step `log in`: `extract.token`: the answer has no field `x-token`";
    assert_eq!(
        (problem.kind, problem.message.as_str()),
        (ErrorKind::Extract, message)
    );
}

#[test]
fn what_setup_found_everybody_knows() {
    let (mut first, shared) = user();
    first.begin();
    answered(
        &mut first,
        &takes(0, From::Header("x-token".into())),
        "x-token",
        "s",
    );
    shared.begin_with(&first);
    let mut other = first.clone();
    for _ in 0..2 {
        other.begin();
        assert_eq!(path(&mut other, "/${token}"), "/base/s");
        answered(
            &mut other,
            &takes(0, From::Header("x-token".into())),
            "x-token",
            "own",
        );
        assert_eq!(path(&mut other, "/${token}"), "/base/own");
    }
}

#[test]
fn a_location_is_a_path() {
    let (mut user, _) = user();
    user.begin();
    let take = takes(1, From::Header("location".into()));
    for (location, expected) in [
        ("/orders/1?a=b", "/base/orders/1?a=b"),
        ("/base/orders/1", "/base/orders/1"),
        ("/base", "/base"),
        ("/base?a=b", "/base?a=b"),
        ("/baseball", "/base/baseball"),
        ("/orders/1?a=b#items", "/base/orders/1?a=b"),
        ("http://shop.example.com/base/orders/1", "/base/orders/1"),
        (
            "http://shop.example.com/base/orders/1#items",
            "/base/orders/1",
        ),
        ("http://shop.example.com", "/"),
        ("http://shop.example.com?a=b", "/?a=b"),
        ("HTTP://Shop.example.com:80/x", "/x"),
    ] {
        answered(&mut user, &take, "location", location);
        assert_eq!(
            prepared(&mut user, &link("${next}")).path,
            expected,
            "{location}"
        );
    }
    for location in [
        "http://shop.example.com.evil/",
        "https://shop.example.com/",
        "orders",
        "",
    ] {
        answered(&mut user, &take, "location", location);
        let message = refused(&mut user, &link("${next}"));
        assert!(message.ends_with("does not begin with /"), "{message}");
    }
}

#[test]
fn a_link_goes_on_with_what_a_step_adds() {
    let (mut user, _) = user();
    user.begin();
    let take = takes(1, From::Header("location".into()));
    answered(
        &mut user,
        &takes(0, From::Header("x-token".into())),
        "x-token",
        "a?b",
    );
    for (location, expected) in [
        ("/list", "/base/list/a%3Fb?page=2"),
        ("/list?sort=up#top", "/base/list?sort=up/a%3Fb&page=2"),
    ] {
        answered(&mut user, &take, "location", location);
        let mut step = link("${next}/${token}");
        step.request.path.push_query();
        step.request.path.push_text("page=2");
        assert_eq!(prepared(&mut user, &step).path, expected, "{location}");
    }
}

#[test]
fn whoever_is_asked_under_another_name_has_that_name() {
    let (mut user, _) = user();
    user.begin();
    let mut asked = link("/cart");
    asked.keeps_cookies = true;
    asked
        .request
        .fields
        .push(("Host".to_owned(), Template::constant("www.other.test:8080")));
    prepared(&mut user, &asked);
    answered(
        &mut user,
        &asked,
        "set-cookie",
        "sid=1; Domain=other.test; Path=/",
    );
    let fields = prepared(&mut user, &asked).fields;
    assert!(
        fields.contains(&("cookie".to_owned(), "sid=1".to_owned())),
        "{fields:?}"
    );
    answered(
        &mut user,
        &asked,
        "set-cookie",
        "foreign=1; Domain=example.com; Path=/",
    );
    let fields = prepared(&mut user, &asked).fields;
    assert!(
        fields.contains(&("cookie".to_owned(), "sid=1".to_owned())),
        "{fields:?}"
    );
    let take = takes(1, From::Header("location".into()));
    answered(
        &mut user,
        &take,
        "location",
        "http://www.other.test:8080/paid",
    );
    let mut next = link("${next}");
    assert!(refused(&mut user, &next).ends_with("does not begin with /"));
    next.request.fields.clone_from(&asked.request.fields);
    assert_eq!(prepared(&mut user, &next).path, "/paid");
}

#[test]
fn a_row_is_kept_for_a_session_or_a_request() {
    let (mut user, _) = user();
    for expected in ["/base/a@x/1/a@x", "/base/b@x/2/b@x"] {
        user.begin();
        assert_eq!(
            path(&mut user, "/${users.mail}/${users.password}/${users.mail}"),
            expected
        );
        assert_eq!(path(&mut user, "/${users.mail}"), &expected[..9]);
    }
    user.begin();
    let message = "the path: the feed `users` has no rows left";
    assert_eq!(refused(&mut user, &step("/${users.mail}")), message);
    let words: Vec<_> = (0..3)
        .map(|_| path(&mut user, "/${words.mail}${words.mail}"))
        .collect();
    assert_eq!(words, ["/base/a@xa@x", "/base/b@xb@x", "/base/a@xa@x"]);
}

#[test]
fn cookies_are_kept_where_the_step_says_so() {
    let (mut user, _) = user();
    user.begin();
    let mut step = step("/cart/add");
    step.keeps_cookies = true;
    assert!(step.wants_fields() && !step.is_constant());
    assert!(prepared(&mut user, &step).fields.is_empty());
    answered(&mut user, &step, "set-cookie", "sid=1");
    let cookie = |value: &str| vec![("cookie".to_owned(), value.to_owned())];
    assert_eq!(prepared(&mut user, &step).fields, cookie("sid=1"));
    let own = Template::constant("a=b");
    step.request.fields.push(("cookie".to_owned(), own));
    assert_eq!(prepared(&mut user, &step).fields, cookie("a=b; sid=1"));
    step.keeps_cookies = false;
    assert_eq!(prepared(&mut user, &step).fields, cookie("a=b"));
    step.keeps_cookies = true;
    user.begin();
    assert_eq!(prepared(&mut user, &step).fields, cookie("a=b"));
}

#[test]
fn a_session_follows_from_its_number_and_the_seed() {
    let session = |seed, number| {
        let mut test = test(Mix::Random, &[1.0; 50]);
        test.seed = seed;
        let (mut user, _) = user_of(test);
        user.begin_as(number);
        let think = Think::Uniform(Duration::ZERO, Duration::from_secs(9));
        let scenario = user.next_scenario();
        assert_eq!(user.next_scenario(), None);
        (
            scenario,
            path(&mut user, "/${uuid()}/${zipf(1000000, 0.7)}"),
            user.think(&think),
        )
    };
    assert_eq!(session(1, 5), session(1, 5));
    assert_ne!(session(1, 5).1, session(1, 6).1);
    assert_ne!(session(1, 5).1, session(2, 5).1);
}

#[test]
fn an_exact_split_over_generators_and_users() {
    let count = 3;
    let mut counts = [0; 3];
    for index in 0..count {
        let mut test = test(Mix::Exact, &[60.0, 30.0, 10.0]);
        test.shard = Shard { index, count };
        let (mut user, _) = user_of(test);
        // An open model: each generator does every third arrival.
        for arrival in (u64::from(index)..100).step_by(count as usize) {
            user.begin_as(arrival);
            counts[user.next_scenario().expect("one")] += 1;
        }
    }
    assert_eq!(counts, [60, 30, 10]);
    // A closed one: each has its own exact split.
    let mut test = test(Mix::Exact, &[60.0, 30.0, 10.0]);
    test.shard = Shard { index: 1, count };
    let (mut user, _) = user_of(test);
    let mut other = user.clone();
    let mut counts = [0; 3];
    for _ in 0..50 {
        for user in [&mut user, &mut other] {
            user.begin();
            counts[user.next_scenario().expect("one")] += 1;
        }
    }
    assert_eq!(counts, [60, 30, 10]);
}

#[test]
fn pages_follow_each_other() {
    let markov = Markov {
        start: vec![0.0, 1.0],
        next: vec![vec![0.0, 0.0], vec![1.0, 0.0]],
        most: 10,
    };
    let (mut user, _) = user_of(test(Mix::Markov(markov), &[0.0, 0.0]));
    for _ in 0..3 {
        user.begin();
        let pages = [
            user.next_scenario(),
            user.next_scenario(),
            user.next_scenario(),
        ];
        assert_eq!(pages, [Some(1), Some(0), None]);
    }
}

#[test]
fn a_user_is_small() {
    // 10,000 users have 400 MB, most of which are connections.
    assert!(size_of::<User>() <= 256, "{}", size_of::<User>());
}
