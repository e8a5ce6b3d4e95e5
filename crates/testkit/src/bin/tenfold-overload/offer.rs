//! An open model: what is sent does not depend on what is answered.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, LocalOptions};

use crate::Flags;

/// A client's patience.
const PATIENCE: Duration = Duration::from_secs(2);

pub(crate) struct Plan {
    to: SocketAddr,
    rate: f64,
    seconds: f64,
    critical: f64,
    seed: u64,
}

/// What became of the requests of one priority.
#[derive(Default)]
struct Class {
    offered: u64,
    /// Answered with 200, in milliseconds.
    answered: Vec<f64>,
    /// Answered with 503 or 429.
    refused: Vec<f64>,
    /// Answered otherwise, too late, or not at all.
    failed: u64,
}

enum Outcome {
    Answered,
    Refused,
    Failed,
}

#[derive(Default)]
struct Shared {
    idle: RefCell<Vec<TcpStream>>,
    /// Critical, bulk.
    classes: RefCell<[Class; 2]>,
}

impl Plan {
    pub(crate) fn of(flags: &Flags) -> Option<Self> {
        Some(Self {
            to: flags.text("to")?.parse().ok()?,
            rate: flags.number("rate")?,
            seconds: flags.number("seconds")?,
            critical: flags.number("critical").unwrap_or(0.0) / 100.0,
            seed: flags.number("seed").unwrap_or(1.0) as u64,
        })
    }

    #[expect(clippy::print_stdout, reason = "its result")]
    pub(crate) fn run(&self) -> io::Result<()> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build_local(LocalOptions::default())?;
        let shared = Rc::new(Shared::default());
        runtime.block_on(self.send_all(&shared));
        println!("{}", self.report(&shared.classes.borrow()));
        Ok(())
    }

    async fn send_all(&self, shared: &Rc<Shared>) {
        let mut random = Random(self.seed);
        let start = Instant::now();
        let mut due = 0.0;
        let mut tasks = Vec::new();
        while due < self.seconds {
            let at = start + Duration::from_secs_f64(due);
            tokio::time::sleep_until(at.into()).await;
            let is_critical = random.next() < self.critical;
            let shared = Rc::clone(shared);
            let to = self.to;
            tasks.push(tokio::task::spawn_local(async move {
                let sent = tokio::time::timeout(PATIENCE, one(&shared, to, is_critical)).await;
                let outcome = sent
                    .unwrap_or(Ok(Outcome::Failed))
                    .unwrap_or(Outcome::Failed);
                let millis = at.elapsed().as_secs_f64() * 1e3;
                let class = &mut shared.classes.borrow_mut()[usize::from(!is_critical)];
                class.offered += 1;
                match outcome {
                    Outcome::Answered => class.answered.push(millis),
                    Outcome::Refused => class.refused.push(millis),
                    Outcome::Failed => class.failed += 1,
                }
            }));
            due += -(1.0 - random.next()).ln() / self.rate;
        }
        for task in tasks {
            let _counted_by_itself = task.await;
        }
    }

    fn report(&self, classes: &[Class; 2]) -> String {
        let all = classes
            .iter()
            .flat_map(|it| it.answered.iter().copied())
            .collect();
        let [critical, bulk] = classes;
        format!(
            "{{\"rate\":{},\"seconds\":{},\"all\":{},\"critical\":{},\"bulk\":{}}}",
            self.rate,
            self.seconds,
            times(all),
            critical.report(),
            bulk.report()
        )
    }
}

impl Class {
    fn report(&self) -> String {
        format!(
            "{{\"offered\":{},\"failed\":{},\"answered\":{},\"refused\":{}}}",
            self.offered,
            self.failed,
            times(self.answered.clone()),
            times(self.refused.clone())
        )
    }
}

/// Count and quantiles.
fn times(mut times: Vec<f64>) -> String {
    times.sort_unstable_by(f64::total_cmp);
    let quantile = |share: f64| {
        let index = (times.len() as f64 * share) as usize;
        times
            .get(index)
            .map_or_else(|| "null".to_owned(), |it| format!("{it:.3}"))
    };
    format!(
        "{{\"count\":{},\"p50_ms\":{},\"p99_ms\":{}}}",
        times.len(),
        quantile(0.5),
        quantile(0.99)
    )
}

/// One request, over a connection that waits or a new one.
async fn one(shared: &Shared, to: SocketAddr, is_critical: bool) -> io::Result<Outcome> {
    let idle = shared.idle.borrow_mut().pop();
    let mut stream = match idle {
        Some(stream) => stream,
        None => {
            let stream = TcpStream::connect(to).await?;
            stream.set_nodelay(true)?;
            stream
        }
    };
    let priority = if is_critical { "critical" } else { "bulk" };
    let request = format!("GET / HTTP/1.1\r\nHost: bench\r\nX-Priority: {priority}\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut head = Vec::with_capacity(1024);
    let end = loop {
        if stream.read_buf(&mut head).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(end) = head.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
    };
    let text = String::from_utf8_lossy(&head[..end]).to_ascii_lowercase();
    let field = |name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name))
            .map(str::trim)
    };
    let length: usize = field("content-length:")
        .and_then(|it| it.parse().ok())
        .unwrap_or(0);
    while head.len() < end + length {
        if stream.read_buf(&mut head).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    if field("connection:") != Some("close") && field("content-length:").is_some() {
        shared.idle.borrow_mut().push(stream);
    }
    Ok(match text.get(9..12) {
        Some("200") => Outcome::Answered,
        Some("503" | "429") => Outcome::Refused,
        _ => Outcome::Failed,
    })
}

/// Chance that can be repeated (SplitMix64; G. Steele et al., OOPSLA 2014).
struct Random(u64);

impl Random {
    /// From 0 to 1, 1 excluded.
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut it = self.0;
        it = (it ^ it >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        it = (it ^ it >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((it ^ it >> 31) >> 11) as f64 / (1_u64 << 53) as f64
    }
}
