//! From lists and addresses to a set.

use super::super::ask::Service;
use super::super::list::{Answered, Changing, List, assemble, of_services};
use super::*;

fn answered(all: &[(&str, &[&str])]) -> Answered {
    let one = |(host, ips): &(&str, &[&str])| {
        (
            (*host).to_owned(),
            ips.iter().map(|ip| ip.parse().unwrap()).collect(),
        )
    };
    all.iter().map(one).collect()
}

fn names(lists: &[List], answered: &Answered) -> Vec<String> {
    assemble(lists, answered).iter().map(line).collect()
}

fn service(priority: u16, weight: u16, port: u16, target: &str) -> Service {
    Service {
        priority,
        weight,
        port,
        target: target.into(),
    }
}

#[test]
fn a_new_list_takes_over_when_its_names_are_known() {
    let mut list = List::Changing(Changing::default());
    let mut known = answered(&[("a", &["10.0.0.1"])]);
    list.replace(vec![named("a", 1)]);
    list.settle(&known, false);
    assert!(list.is_settled(&known));
    list.replace(vec![named("b", 1), fixed("10.0.0.9:1")]);
    list.settle(&known, false);
    assert_eq!(list.hosts(), ["a", "b"]);
    assert!(!list.is_settled(&known));
    assert_eq!(
        names(std::slice::from_ref(&list), &known),
        ["a:1=[10.0.0.1:1] 3 a"]
    );
    known.insert("b".into(), vec![]);
    list.settle(&known, false);
    assert_eq!(
        names(&[list], &known),
        ["b:1=[] 3 a", "10.0.0.9:1=[10.0.0.9:1] 1"]
    );
}

#[test]
fn what_is_not_known_in_time_is_left_out_unless_it_is_written_down() {
    let mut changing = List::Changing(Changing::default());
    changing.replace(vec![named("b", 1), fixed("10.0.0.9:1")]);
    let known = Answered::new();
    changing.settle(&known, true);
    let written = List::Static(vec![named("a", 1)]);
    let each = List::Each {
        host: "c".into(),
        port: 1,
    };
    let lists = [written, each, changing];
    assert_eq!(
        names(&lists, &known),
        ["a:1=[] 3 a", "10.0.0.9:1=[10.0.0.9:1] 1"]
    );
}

#[test]
fn the_first_of_a_name_counts() {
    let known = answered(&[
        ("c", &["10.0.0.1", "10.0.0.2"]),
        ("d", &["10.0.0.2", "10.0.0.3"]),
    ]);
    let written = List::Static(vec![Server {
        weight: 9,
        ..fixed("10.0.0.1:1")
    }]);
    let each = |host: &str| List::Each {
        host: host.into(),
        port: 1,
    };
    let all = [
        "10.0.0.1:1=[10.0.0.1:1] 9",
        "10.0.0.2:1=[10.0.0.2:1] 1",
        "10.0.0.3:1=[10.0.0.3:1] 1",
    ];
    assert_eq!(names(&[written, each("c"), each("d")], &known), all);
}

#[test]
fn services_become_servers() {
    let all = [
        service(1, 7, 80, "b.test"),
        service(1, 0, 80, "a.test"),
        service(1, 3, 80, "b.test"),
        service(2, 1, 80, "c.test"),
        service(1, 1, 0, "d.test"),
        service(1, 1, 80, "10.0.0.1"),
        service(1, 1, 80, "e\\032f.test"),
    ];
    let servers = of_services(&all).unwrap();
    let show = |server: &Server| format!("{} {:?} {}", server.name, server.address, server.weight);
    let shown: Vec<_> = servers.iter().map(show).collect();
    let expected = [
        r#"10.0.0.1:80 Tcp([10.0.0.1:80]) 1"#,
        r#"a.test:80 Name { host: "a.test.", port: 80 } 1"#,
        r#"b.test:80 Name { host: "b.test.", port: 80 } 3"#,
    ];
    assert_eq!(shown, expected);
    assert_eq!(
        of_services(&[service(0, 0, 0, "")]),
        Some(vec![]),
        "decidedly none"
    );
    let useless = [service(0, 0, 0, "a.test"), service(0, 0, 80, "not a name")];
    assert_eq!(of_services(&useless), None, "a mistake");
    let many: Vec<_> = (0..1000)
        .map(|n| service(0, 1, 80, &format!("s{n}.test")))
        .collect();
    assert_eq!(of_services(&many).unwrap().len(), 256);
}
