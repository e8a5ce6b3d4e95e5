use tenfold_traffic::limit::Rate;

use super::*;
use crate::config::limit::ApiKeys;

fn told(
    config: &config::Limit,
    client: &[(&str, &str)],
) -> Result<(Vec<Vec<u8>>, usize), LookError> {
    let owned = client.iter();
    let owned: Vec<_> = owned
        .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
        .collect();
    let told = Told::read(config, &owned)?;
    Ok((told.parts(config)?, told.tier(config)))
}

fn config(key: Vec<KeyPart>) -> config::Limit {
    let quota = Quota::new(Rate::per_second(1));
    let mut api_keys = ApiKeys::default();
    api_keys.add(b"0123456789abcdef");
    let tier = Tier {
        name: "premium".into(),
        quota,
        networks: vec!["10.0.0.0/8".parse().expect("a network")],
        headers: vec![("x-plan".into(), "premium".into())],
        api_keys,
        priority: None,
    };
    config::Limit {
        key,
        tiers: vec![tier],
        ..config::Limit::new("one", quota)
    }
}

fn wrong(result: Result<(Vec<Vec<u8>>, usize), LookError>) -> String {
    match result {
        Err(LookError::Wrong(what, help)) => format!("{what} ({help})"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_client_is_told_by_the_parts_of_the_key() {
    let by_address = config(vec![KeyPart::ClientIp]);
    let (parts, tier) = told(&by_address, &[("", " 10.1.2.3 ")]).expect("sound");
    assert_eq!((parts, tier), (vec![vec![4, 10, 1, 2, 3]], 1));
    let v6 = told(&by_address, &[("client_ip", "2001:db8::1")]).expect("sound");
    assert_eq!(
        v6,
        told(&by_address, &[("", "2001:db8::ffff")]).expect("sound")
    );
    assert_eq!(v6.1, 0);
    let plan = [("client_ip", "192.0.2.1"), ("header:X-Plan", "premium")];
    assert_eq!(told(&by_address, &plan).expect("sound").1, 1);
    let key = [
        ("", "192.0.2.1"),
        ("header:x-api-key", "Bearer 0123456789abcdef"),
    ];
    assert_eq!(told(&by_address, &key).expect("sound").1, 1);

    let several = config(vec![KeyPart::Header("x-tenant".into()), KeyPart::Route]);
    let (parts, _) = told(&several, &[("route", "all"), ("header:x-tenant", "a")]).expect("sound");
    assert_eq!(parts, [b"a".to_vec(), b"all".to_vec()]);
    let (parts, _) = told(&several, &[("route", "all"), ("client_ip", "10.0.0.1")]).expect("sound");
    assert_eq!(parts[0], [4, 10, 0, 0, 1], "the address stands in");
    let global = config(vec![KeyPart::Global]);
    assert_eq!(told(&global, &[]).expect("sound").0, [b"".to_vec()]);
}

#[test]
fn what_does_not_tell_a_client_is_refused_with_what_would() {
    let several = config(vec![KeyPart::Header("x-tenant".into()), KeyPart::Route]);
    let none = wrong(told(&several, &[]));
    assert!(
        none.starts_with("`header:x-tenant` is not given (give header:x-tenant and route;"),
        "{none}"
    );
    let no_route = wrong(told(&several, &[("client_ip", "10.0.0.1")]));
    assert!(no_route.starts_with("`route` is not given"), "{no_route}");
    assert!(
        wrong(told(&several, &[("", "a")])).starts_with("the key of this limit has several parts")
    );
    let twice = [("route", "a"), ("route", "b")];
    assert!(wrong(told(&several, &twice)).starts_with("`route` is given twice"));
    assert!(wrong(told(&several, &[("cookie:id", "a")])).contains("says nothing"));
    let by_address = config(vec![KeyPart::ClientIp]);
    assert!(wrong(told(&by_address, &[("", "10.0.0")])).starts_with("`client_ip` is no address"));
    let global = config(vec![KeyPart::Global]);
    assert!(wrong(told(&global, &[("", "a")])).contains("give nothing"));
}
