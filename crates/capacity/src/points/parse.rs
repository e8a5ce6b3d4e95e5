//! Points from a CSV file, whoever wrote it.
//!
//! The first line names the columns, in any order: `concurrency`, `throughput`, and if wanted `latency` (seconds) or
//! `latency_ms`. Anything else there is refused and not skipped, because a misspelt `latency` would otherwise silently
//! change the answer. Byte order marks, CRLF, quotes, blanks around numbers and empty lines are no one's fault and read.

use csv::{ReaderBuilder, StringRecord, Trim};

use super::{MOST, NAMES, Place, Point, Points, PointsError, Reason};

/// How much of a wrong text an error repeats.
const SHOWN: usize = 60;

/// Which number of a point, and what makes it seconds.
#[derive(Clone, Copy)]
struct Column {
    field: usize,
    factor: f64,
}

impl Points {
    /// Reads points from the text of a CSV file.
    ///
    /// ```
    /// use tenfold_capacity::Points;
    ///
    /// let points = Points::parse(b"concurrency,throughput,latency_ms\n1,64.9,15.4\n18,995.9,18.1\n")?;
    /// assert_eq!(points.len(), 2);
    /// let error = Points::parse(b"concurrency,throughput\n1,64.9\n18,-5\n").unwrap_err();
    /// assert_eq!(error.to_string(), "line 3, column 2: the throughput is negative");
    /// # Ok::<(), tenfold_capacity::PointsError>(())
    /// ```
    ///
    /// # Errors
    /// The first thing that is wrong, with its line and column.
    pub fn parse(text: &[u8]) -> Result<Self, PointsError> {
        let text = std::str::from_utf8(text).map_err(|error| PointsError::Encoding {
            line: line_of(text, error.valid_up_to()),
        })?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .trim(Trim::All)
            .from_reader(text.as_bytes());
        let mut record = StringRecord::new();
        let mut columns: Option<Vec<Column>> = None;
        let mut points = Vec::new();
        // The text is UTF-8, lies in memory, and may have lines of any length, so that nothing is left that could fail.
        while reader.read_record(&mut record).unwrap_or(false) {
            let line = record_line(text, &record);
            match &columns {
                None => columns = Some(header(&record, line)?),
                Some(_) if is_blank(&record) => {}
                Some(columns) if points.len() < MOST => {
                    points.push(point(&record, columns, line)?);
                }
                Some(_) => return Err(PointsError::TooMany),
            }
        }
        Self::counted(points)
    }
}

/// A line of blanks only; the reader itself skips those without any.
fn is_blank(record: &StringRecord) -> bool {
    record.len() == 1 && record[0].is_empty()
}

/// The line that a record begins on. The reader's own count is that of the end of the last record, which is a line
/// early after empty lines and after CRLF.
fn record_line(text: &str, record: &StringRecord) -> u64 {
    let begin = record.position().map_or(0, |at| at.byte() as usize);
    let rest = text.as_bytes().get(begin..).unwrap_or_default();
    let skipped = rest
        .iter()
        .take_while(|byte| matches!(byte, b'\r' | b'\n'))
        .count();
    line_of(text.as_bytes(), begin + skipped)
}

/// The line of `text` that byte `at` stands on, from 1. A line ends with LF, CR or both.
fn line_of(text: &[u8], at: usize) -> u64 {
    let before = &text[..at.min(text.len())];
    let is_end = |(place, byte): (usize, &u8)| {
        *byte == b'\n' || (*byte == b'\r' && text.get(place + 1) != Some(&b'\n'))
    };
    1 + before.iter().enumerate().filter(|one| is_end(*one)).count() as u64
}

fn shown(text: &str) -> String {
    let mut short: String = text.chars().take(SHOWN).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

fn header(record: &StringRecord, line: u64) -> Result<Vec<Column>, PointsError> {
    let found = record.iter().collect::<Vec<_>>().join(",");
    let refuse = |why: String| PointsError::Header {
        found: shown(&found),
        why: if line == 1 {
            why
        } else {
            format!("{why} (it stands in line {line})")
        },
    };
    let mut columns: Vec<Column> = Vec::new();
    for name in record {
        let (field, factor) = match name {
            "concurrency" => (0, 1.0),
            "throughput" => (1, 1.0),
            "latency" | "latency_s" => (2, 1.0),
            "latency_ms" => (2, 1e-3),
            _ if found.contains(';') => {
                return Err(refuse("columns are separated by commas".to_owned()));
            }
            _ if name.parse::<f64>().is_ok() => {
                return Err(refuse("the names of the columns are missing".to_owned()));
            }
            _ => return Err(refuse(format!("there is no column {:?}", shown(name)))),
        };
        if columns.iter().any(|one| one.field == field) {
            return Err(refuse(format!(
                "there are two columns for the {}",
                NAMES[field]
            )));
        }
        columns.push(Column { field, factor });
    }
    for (field, name) in NAMES[..2].iter().enumerate() {
        if !columns.iter().any(|one| one.field == field) {
            return Err(refuse(format!("the column {name:?} is missing")));
        }
    }
    Ok(columns)
}

fn point(record: &StringRecord, columns: &[Column], line: u64) -> Result<Point, PointsError> {
    if record.len() != columns.len() {
        return Err(PointsError::Columns {
            line,
            found: record.len(),
            wanted: columns.len(),
        });
    }
    let mut fields = [None; 3];
    for (at, (text, column)) in record.iter().zip(columns).enumerate() {
        let wrong = |reason| PointsError::Number {
            place: Place::Cell {
                line,
                column: at + 1,
            },
            name: NAMES[column.field],
            reason,
        };
        if text.is_empty() {
            return Err(wrong(Reason::Missing));
        }
        let number: f64 = text
            .parse()
            .map_err(|_| wrong(Reason::NoNumber(shown(text))))?;
        if let Some(reason) = Reason::against(number) {
            return Err(wrong(reason));
        }
        fields[column.field] = Some(number * column.factor);
    }
    let [Some(concurrency), Some(throughput), latency] = fields else {
        unreachable!("the header has both columns, and the line as many as the header")
    };
    Ok(Point {
        concurrency,
        throughput,
        latency,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn error(text: &str) -> String {
        Points::parse(text.as_bytes())
            .expect_err("it is refused")
            .to_string()
    }

    #[test]
    fn what_editors_do_to_files_is_read() {
        let plain = Points::parse(b"concurrency,throughput\n1,5\n2,9\n").expect("plain");
        for text in [
            "\u{feff}concurrency,throughput\r\n1,5\r\n2,9\r\n",
            "concurrency,throughput\r1,5\r2,9",
            "\n\nconcurrency , throughput\n\n 1,\t5\n   \n\"2\",\"9\"\n\n",
            "throughput,concurrency\n5,1\n9,2\n",
            "concurrency,throughput\n1,5e0\n+2,9.000\n",
        ] {
            assert_eq!(
                Points::parse(text.as_bytes()).as_ref(),
                Ok(&plain),
                "{text:?}"
            );
        }
    }

    #[test]
    fn latency_is_in_seconds_unless_its_name_says_otherwise() {
        let points = |name: &str, value: &str| {
            Points::parse(format!("concurrency,throughput,{name}\n1,5,{value}\n").as_bytes())
                .expect("it is right")
        };
        let seconds = points("latency", "0.25");
        assert_eq!(points("latency_s", "0.25"), seconds);
        assert_eq!(points("latency_ms", "250"), seconds);
        assert_eq!(
            seconds.iter().next().and_then(|one| one.latency),
            Some(0.25)
        );
    }

    #[test]
    fn errors_name_line_and_column() {
        let cases = [
            ("1,5\n2,x", "line 3, column 2: the throughput is \"x\""),
            (
                "1,5\n\n\n-2,5",
                "line 5, column 1: the concurrency is negative",
            ),
            ("1,5\r\n2,0\r\n", "line 3, column 2: the throughput is 0"),
            ("1,5\r\n\r\n2,0\r\n", "line 4, column 2"),
            ("1,NaN", "line 2, column 2: the throughput is not a number"),
            (
                "inf,1",
                "line 2, column 1: the concurrency is larger than 1e12",
            ),
            ("1,1e400", "line 2, column 2: the throughput is larger"),
            ("1e13,1", "line 2, column 1"),
            ("1,", "line 2, column 2: the throughput is missing"),
            (
                "1",
                "line 2, column 2: the line has 1 columns, and the first line names 2",
            ),
            ("1,2,3", "line 2, column 3: the line has 3 columns"),
            ("1,5 req/s", "line 2, column 2"),
            ("1,5\n2,\"6\n7\"", "line 3, column 2"),
        ];
        for (lines, wanted) in cases {
            let found = error(&format!("concurrency,throughput\n{lines}"));
            assert!(found.starts_with(wanted), "{lines:?}: {found}");
        }
        let crlf = error("concurrency,throughput\r\n1,5\r\n2,x\r\n");
        assert!(crlf.starts_with("line 3, column 2"), "{crlf}");
    }

    #[test]
    fn a_wrong_header_is_explained() {
        let cases = [
            ("1,5\n2,9\n", "the names of the columns are missing"),
            (
                "concurrency;throughput\n1;5\n",
                "columns are separated by commas",
            ),
            (
                "concurrency,throughput,latnecy\n",
                "there is no column \"latnecy\"",
            ),
            ("concurrency\n1\n", "the column \"throughput\" is missing"),
            (
                "concurrency,concurrency,throughput\n",
                "two columns for the concurrency",
            ),
            (
                "concurrency,throughput,latency,latency_ms\n",
                "two columns for the latency",
            ),
            ("\n\nx,throughput\n", "stands in line 3"),
        ];
        for (text, wanted) in cases {
            let found = error(text);
            assert!(found.contains(wanted), "{text:?}: {found}");
            assert!(found.contains("concurrency,throughput"), "{found}");
        }
    }

    #[test]
    fn nothing_is_no_set_of_points() {
        for text in ["", "\u{feff}", "\r\n\r\n", "concurrency,throughput\n"] {
            assert_eq!(
                Points::parse(text.as_bytes()),
                Err(PointsError::Empty),
                "{text:?}"
            );
        }
    }

    #[test]
    fn other_encodings_are_named() {
        let utf16: Vec<u8> = "\u{feff}concurrency,throughput\n"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        let error = Points::parse(&utf16).expect_err("UTF-16");
        assert!(error.to_string().contains("UTF-16"), "{error}");
        let error = Points::parse(b"concurrency,throughput\n1,\xff\n").expect_err("Latin-1");
        assert_eq!(error, PointsError::Encoding { line: 2 });
    }

    #[test]
    fn errors_stay_short() {
        let long = "9".repeat(1_000_000);
        assert!(error(&format!("concurrency,throughput\n1,x{long}")).len() < 400);
        assert!(error(&format!("{}\n", "ü,".repeat(100_000))).len() < 800);
        let many = format!("concurrency,throughput\n{}", "1,1\n".repeat(MOST + 1));
        assert!(error(&many).contains("more than 10000 points"));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Points::parse(&text);
            let _ = Points::parse(&[b"concurrency,throughput\n".as_slice(), &text].concat());
        }

        #[test]
        fn points_survive_being_written(all in proptest::collection::vec((1e-9..1e12f64, 1e-9..1e12f64), 1..50)) {
            let mut text = "concurrency,throughput\n".to_owned();
            for (n, x) in &all {
                text.push_str(&format!("{n},{x}\n"));
            }
            let points = Points::parse(text.as_bytes()).expect("they are in range");
            prop_assert_eq!(points.iter().map(Point::pair).collect::<Vec<_>>(), all);
        }
    }
}
