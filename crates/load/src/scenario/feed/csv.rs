//! Feeds in CSV.

use csv::{ErrorKind, ReaderBuilder};

use super::{FeedError, Rows};

pub(super) fn read(bytes: &[u8], delimiter: u8) -> Result<Rows, FeedError> {
    // Spreadsheets write a mark of the byte order, which would belong to the first column's name.
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let mut reader = ReaderBuilder::new().delimiter(delimiter).from_reader(bytes);
    let names = reader.headers().map_err(|error| described(&error))?;
    let names = names.iter().map(|name| name.trim().to_owned()).collect();
    let mut rows = Rows::named(names, Some(1))?;
    let mut record = csv::StringRecord::new();
    while reader
        .read_record(&mut record)
        .map_err(|error| described(&error))?
    {
        let line = record.position().map_or(0, csv::Position::line);
        for value in &record {
            rows.push(value, false, line)?;
        }
    }
    rows.finished()
}

fn described(error: &csv::Error) -> FeedError {
    let line = error.position().map(csv::Position::line);
    match error.kind() {
        ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => {
            let message = format!("{len} values instead of {expected_len}, one for each column");
            FeedError::new(
                line,
                message,
                "values with commas stand in quotes: \"a, b\"",
            )
        }
        ErrorKind::Utf8 { .. } => {
            FeedError::new(line, "it is no text in UTF-8", "save it as UTF-8")
        }
        _ => FeedError::new(line, "it cannot be read", "is it CSV?"),
    }
}
