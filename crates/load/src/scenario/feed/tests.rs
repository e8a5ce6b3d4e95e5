use fastrand::Rng;
use proptest::prelude::*;

use super::*;

fn feed(rows: usize, order: Order) -> Feed {
    let lines: Vec<_> = (0..rows).map(|row| format!("{row}\n")).collect();
    let text = format!("id\n{}", lines.concat());
    Feed {
        name: "f".to_owned(),
        rows: Arc::new(Rows::from_csv(text.as_bytes(), b',').expect("CSV")),
        order,
        per: Per::Session,
    }
}

fn taken(feed: &Feed, shard: Shard, times: usize) -> Vec<Option<usize>> {
    let position = Position::default();
    let mut rng = Rng::with_seed(1);
    (0..times)
        .map(|_| position.take(feed, shard, &mut rng))
        .collect()
}

#[test]
fn csv_with_quotes_marks_and_line_breaks() {
    let text = "\u{FEFF}name, mail\r\n\"a, b\",x@y\r\n\"c\"\"d\ne\",\r\n";
    let rows = Rows::from_csv(text.as_bytes(), b',').expect("CSV");
    assert_eq!(rows.columns(), ["name", "mail"]);
    assert_eq!(rows.len(), 2);
    let text = |row, column| rows.get(row, column).map(|view| view.text);
    assert_eq!(text(0, 0), Some("a, b"));
    assert_eq!(text(0, 1), Some("x@y"));
    assert_eq!(text(1, 0), Some("c\"d\ne"));
    assert_eq!(text(1, 1), Some(""));
    assert_eq!(
        (text(2, 0), text(0, 2), text(usize::MAX, 1)),
        (None, None, None)
    );
}

#[test]
fn json_keeps_kinds() {
    let text = br#"[{"a": "x", "b": 7}, {"b": [1], "a": "y", "c": null}]"#;
    let rows = Rows::from_json(text).expect("JSON");
    assert_eq!(rows.columns(), ["a", "b"]);
    assert_eq!(
        rows.get(0, 1),
        Some(View {
            text: "7",
            is_json: true
        })
    );
    assert_eq!(
        rows.get(1, 0),
        Some(View {
            text: "y",
            is_json: false
        })
    );
    assert_eq!(
        rows.get(1, 1),
        Some(View {
            text: "[1]",
            is_json: true
        })
    );
}

#[test]
fn what_is_no_feed_is_refused_with_its_line() {
    let csv = |text: &[u8]| Rows::from_csv(text, b',').expect_err("refused");
    assert_eq!(csv(b"").message, "there are no rows");
    assert_eq!(csv(b"a,b\n").message, "there are no rows");
    assert_eq!(csv(b"a,b\n1,2\n3\n").line, Some(3));
    assert_eq!(csv(b"a,a\n1,2\n").message, "two columns are called `a`");
    assert_eq!(csv(b"a,\n1,2\n").message, "column 2 has no name");
    assert_eq!(csv(b"a\n1\n\xFF\n").line, Some(3));
    let json = |text: &[u8]| Rows::from_json(text).expect_err("refused");
    assert_eq!(json(b"[]").message, "there are no rows");
    assert_eq!(json(b"[{}]").message, "there are no rows");
    assert_eq!(json(b"[1]").message, "it is no list of objects");
    assert_eq!(json(b"[{\"a\": 1},\n{").line, Some(2));
    assert_eq!(
        json(b"[{\"a\":1},{\"b\":1}]").message,
        "object 2 lacks `a`, which the first has"
    );
}

#[test]
fn each_order_gives_its_rows() {
    let alone = Shard::default();
    let some = |rows: &[usize]| rows.iter().copied().map(Some).collect::<Vec<_>>();
    assert_eq!(
        taken(&feed(3, Order::Sequential), alone, 5),
        some(&[0, 1, 2, 0, 1])
    );
    let mut once = some(&[0, 1, 2]);
    once.extend([None, None]);
    assert_eq!(taken(&feed(3, Order::Once), alone, 5), once);
    let mut counts = [0; 3];
    for row in taken(&feed(3, Order::Random), alone, 3000) {
        counts[row.expect("always one")] += 1;
    }
    assert!(
        counts.iter().all(|count| (900..1100).contains(count)),
        "{counts:?}"
    );
}

proptest! {
    #[test]
    fn several_generators_together_take_each_row_once(rows in 1_usize..50, count in 1_u32..9) {
        let feed = feed(rows, Order::Once);
        let parts = (0..count).flat_map(|index| taken(&feed, Shard { index, count }, 60));
        let mut all: Vec<_> = parts.flatten().collect();
        all.sort_unstable();
        prop_assert_eq!(all, (0..rows).collect::<Vec<_>>());
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _read = Rows::from_csv(&bytes, b';');
        let _read = Rows::from_json(&bytes);
    }
}
