//! Pages, and that nothing in them is somebody else's markup.

use super::*;
use crate::report::fixture;

/// The tags of a page without their attributes.
fn tags(page: &str) -> std::collections::BTreeSet<String> {
    let starts = page.split('<').skip(1);
    let name = |tag: &str| {
        let end = tag.find(|c: char| !c.is_ascii_alphanumeric() && c != '/' && c != '!');
        tag[..end.unwrap_or(tag.len())].to_owned()
    };
    starts.map(name).collect()
}

#[test]
fn hostile_names_are_text() {
    let (calm, evil) = (fixture::results(1, 1.0), fixture::hostile());
    for page in [
        html(&evil, None),
        html(&evil, Some(&evil)),
        html(&calm, Some(&evil)),
    ] {
        let tags = tags(&page);
        for tag in ["script", "/script", "img", "iframe", "object", "a"] {
            assert!(!tags.contains(tag), "{tag}");
        }
        assert!(page.contains("&lt;/script&gt;&lt;script&gt;alert(1)"));
        assert!(!page.contains('\u{202e}') && !page.contains('\u{1b}'));
        // No quote of a name ends an attribute: names have ` onload=` only behind an escaped quote.
        let quoted = page.matches("&quot; onload=&#39;x&#39;").count();
        assert_eq!(page.matches("onload=").count(), quoted);
        assert!(page.len() < 2_000_000, "{}", page.len());
    }
}

#[test]
fn a_page_fetches_nothing_and_has_everything() {
    let (old, new) = (fixture::results(1, 1.0), fixture::results(2, 1.3));
    let page = html(&new, Some(&old));
    for absent in [
        "src=",
        "@import",
        "url(",
        "<script",
        "href=\"http",
        "NaN",
        "inf ",
    ] {
        assert!(!page.contains(absent), "{absent}");
    }
    let titles = [
        "Throughput",
        "Latency over time",
        "Percentiles",
        "Errors",
        "Under way",
    ];
    for title in titles {
        assert!(page.contains(&format!("<h3>{title}</h3>")), "{title}");
        assert!(
            page.contains(&format!("<summary>Table: {title}</summary>")),
            "{title}"
        );
    }
    for text in [
        "default-src 'none'",
        "prefers-color-scheme: dark",
        "p(95) &lt; 300ms",
        "POST /cart",
        "old: p95",
        "✗ worse",
        "8-core example",
        "Start lag p99",
    ] {
        assert!(page.contains(text), "{text}");
    }
    for tag in [
        "figure", "table", "section", "details", "div", "span", "ul", "dl",
    ] {
        let opened =
            page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
        assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{tag}");
    }
}

#[test]
fn nothing_measured_is_shown_as_nothing() {
    let mut empty = fixture::results(1, 1.0);
    empty.series.clear();
    empty.phases.clear();
    empty.steps.clear();
    empty.total = Default::default();
    let page = html(&empty, None);
    assert!(!page.contains("NaN") && page.contains("–"));
    let mut one = fixture::results(1, 1.0);
    one.series.truncate(1);
    one.series[0].duration = 0.0;
    assert!(!html(&one, None).contains("NaN"));
}

#[test]
fn long_tests_make_small_pages() {
    let mut long = fixture::results(1, 1.0);
    let second = long.series[50].clone();
    long.series = (0..5000)
        .map(|at| crate::results::Interval {
            at: f64::from(at),
            latency: Default::default(),
            ..second.clone()
        })
        .collect();
    let page = html(&long, None);
    assert!(page.len() < 1_000_000, "{}", page.len());
    assert!(page.contains("Each point is of 28.0 s."));
}
