//! The time of a hit.

use std::hint::black_box;
use std::sync::{Arc, Barrier};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tenfold_cache::{Builder, Cache, Found, Key, Namespace, Options};

use crate::trace::Zipf;

const KEYS: u32 = 10_000;
const REQUESTS: usize = 1_000_000;
const ROUNDS: usize = 11;

/// As large as a cache's entry, so that the same memory is touched.
type Value = Arc<[u64; 14]>;

/// Something to measure: what one thread does with its keys.
type Subject = (&'static str, Box<dyn Fn(&[Key]) + Sync>);

/// Prints the table.
pub(crate) fn print() {
    let law = Zipf::new(KEYS);
    let all: Vec<Key> = (0..KEYS)
        .map(|key| Key::new(&format!("shop:v1:product:{key}")).expect("short"))
        .collect();
    let keys: Vec<Vec<Key>> = (0..2)
        .map(|seed| {
            let mut random = fastrand::Rng::with_seed(seed);
            (0..REQUESTS)
                .map(|_| all[law.key(&mut random) as usize].clone())
                .collect()
        })
        .collect();
    let subjects = subjects(&all);
    println!(
        "\nNanoseconds of processor time per hit: {KEYS} keys after Zipf's law, each of them cached; the median of {ROUNDS} rounds\n"
    );
    println!("| | 1 thread | of quick_cache | 2 threads | of quick_cache |\n|---|---|---|---|---|");
    let one = measure(&subjects, &keys[..1]);
    let two = measure(&subjects, &keys);
    for (at, (name, _)) in subjects.iter().enumerate() {
        println!(
            "| {name} | {:.1} | {:.2} | {:.1} | {:.2} |",
            one[at],
            one[at] / one[0],
            two[at],
            two[at] / two[0]
        );
    }
}

fn subjects(all: &[Key]) -> Vec<Subject> {
    let value: Value = Arc::new([7; 14]);
    let bare = quick_cache::sync::Cache::<Key, Value>::new(4 * KEYS as usize);
    let moka = moka::sync::Cache::<Key, Value>::new(4 * u64::from(KEYS));
    // An Arc of its own for each key, as a cache has it.
    all.iter()
        .for_each(|key| bare.insert(key.clone(), Arc::new(*value)));
    all.iter()
        .for_each(|key| moka.insert(key.clone(), Arc::new(*value)));
    moka.run_pending_tasks();
    let ours: Cache<u64> = Builder::new(Namespace::new("shop", 1), |_: &u64| 0).build();
    let options = Options {
        eager: None,
        ..Options::lifetime(Duration::from_secs(3600))
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        for key in all {
            ours.set(key, 7, &options)
                .await
                .expect("memory takes everything");
        }
    });
    let looked = ours.clone();
    vec![
        (
            "quick_cache",
            Box::new(move |keys| {
                keys.iter()
                    .for_each(|key| drop(black_box(bare.get(key.as_str()).expect("a hit"))));
            }),
        ),
        (
            "moka",
            Box::new(move |keys| {
                keys.iter()
                    .for_each(|key| drop(black_box(moka.get(key.as_str()).expect("a hit"))));
            }),
        ),
        (
            "tenfold-cache, look",
            Box::new(move |keys| {
                for key in keys {
                    let Found::Fresh(entry) = looked.look(key.as_str()) else {
                        panic!("not a hit")
                    };
                    black_box(entry);
                }
            }),
        ),
        (
            "tenfold-cache, get_or_load",
            Box::new(move |keys| {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .build()
                    .expect("a runtime");
                runtime.block_on(async {
                    for key in keys {
                        let load = |_| async { Err::<u64, _>(std::io::Error::other("not a hit")) };
                        black_box(ours.get_or_load(key, &options, load).await.expect("a hit"));
                    }
                });
            }),
        ),
    ]
}

/// For each subject the median over rounds that take turns, so that what disturbs one disturbs all.
fn measure(subjects: &[Subject], keys: &[Vec<Key>]) -> Vec<f64> {
    let mut times = vec![Vec::new(); subjects.len()];
    for _ in 0..ROUNDS {
        for ((_, run), times) in subjects.iter().zip(&mut times) {
            times.push(round(run, keys));
        }
    }
    times
        .into_iter()
        .map(|mut times: Vec<f64>| {
            times.sort_unstable_by(f64::total_cmp);
            times[times.len() / 2]
        })
        .collect()
}

/// Nanoseconds of a thread's processor time per request.
fn round(run: &(impl Fn(&[Key]) + Sync), keys: &[Vec<Key>]) -> f64 {
    let start = Barrier::new(keys.len());
    let took = std::thread::scope(|scope| {
        let threads: Vec<_> = keys
            .iter()
            .map(|keys| {
                scope.spawn(|| {
                    start.wait();
                    let began = cpu_time();
                    run(keys);
                    cpu_time() - began
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("no thread panics"))
            .sum::<f64>()
    });
    took / (keys.len() * REQUESTS) as f64
}

/// This thread's processor time in nanoseconds: what others do on the machine counts less than with a clock on the wall.
fn cpu_time() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}
