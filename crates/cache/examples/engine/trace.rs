//! Traces: which keys are asked for, one after the other.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

/// A row of keys.
pub(crate) struct Trace {
    pub(crate) name: String,
    pub(crate) keys: Vec<u32>,
}

/// The traces in a directory, by name.
pub(crate) fn read_all(directory: &Path) -> io::Result<Vec<Trace>> {
    let mut paths: Vec<_> = std::fs::read_dir(directory)?
        .map(|entry| Ok(entry?.path()))
        .collect::<io::Result<_>>()?;
    paths.sort();
    let mut traces = Vec::new();
    for path in paths {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let bytes = if let Some(name) = name.strip_suffix(".trace.xz") {
            Some((name.to_owned(), unpack(&path)?))
        } else if let Some(name) = name.strip_suffix(".trace") {
            Some((name.to_owned(), std::fs::read(&path)?))
        } else {
            None
        };
        if let Some((name, bytes)) = bytes {
            let (whole, _) = bytes.as_chunks::<4>();
            traces.push(Trace {
                name,
                keys: whole.iter().map(|key| u32::from_be_bytes(*key)).collect(),
            });
        }
    }
    Ok(traces)
}

fn unpack(path: &Path) -> io::Result<Vec<u8>> {
    let output = Command::new("xz")
        .args(["-d", "-c", "--"])
        .arg(path)
        .stderr(Stdio::inherit())
        .output()?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(io::Error::other("xz could not read a trace"))
    }
}

/// 2,000,000 requests for 100,000 keys after Zipf's law with exponent 1.0, the same ones each time; every tenth request is for
/// a key that never comes again, as scans and robots make them.
pub(crate) fn zipf() -> Trace {
    let law = Zipf::new(100_000);
    let mut random = fastrand::Rng::with_seed(42);
    let keys = (0..2_000_000_u32).map(|at| {
        if at % 10 == 0 {
            1_000_000 + at
        } else {
            law.key(&mut random)
        }
    });
    Trace {
        name: "zipf and scans".to_owned(),
        keys: keys.collect(),
    }
}

/// Zipf's law with exponent 1.0.
pub(crate) struct Zipf(Vec<f64>);

impl Zipf {
    /// Over so many keys.
    pub(crate) fn new(keys: u32) -> Self {
        let mut sum = 0.0;
        let sums = (1..=keys).map(|rank| {
            sum += 1.0 / f64::from(rank);
            sum
        });
        Self(sums.collect())
    }

    pub(crate) fn key(&self, random: &mut fastrand::Rng) -> u32 {
        let at = random.f64() * self.0.last().copied().unwrap_or_default();
        self.0.partition_point(|sum| *sum < at) as u32
    }
}
