//! When probes come: servers without an address need no network, so that time can be paused.

use super::*;

fn every(seconds: u64) -> Probe {
    Probe {
        every: Duration::from_secs(seconds),
        ..http(None)
    }
}

fn nowhere(index: usize) -> Target {
    target(index, &format!("app{index}"), Address::Tcp(vec![]))
}

fn count(told: &Told) -> usize {
    told.lock().unwrap().len()
}

#[tokio::test(start_paused = true)]
async fn a_thousand_servers_are_asked_evenly() {
    let (_probes, told) = start(every(2), (0..1000).map(nowhere).collect());
    let step = Duration::from_millis(20);
    let (mut before, mut most) = (0, 0);
    for _ in 0..1000 {
        tokio::time::sleep(step).await;
        let now = count(&told);
        most = most.max(now - before);
        before = now;
    }
    let mut counts = [0_u32; 1000];
    for (index, is_good, why) in told.lock().unwrap().iter() {
        assert_eq!((*is_good, why), (false, &ProbeResult::NoAddress));
        counts[*index] += 1;
    }
    // 20 s, the first within one second, then every 1.8 to 2.2 s.
    assert!(
        counts.iter().all(|count| (9..=11).contains(count)),
        "{counts:?}"
    );
    // In the first second there are 20 in 20 ms on average, later 10.
    assert!(most < 60, "{most} at once");
}

#[tokio::test(start_paused = true)]
async fn the_first_probe_does_not_wait_for_a_long_interval() {
    let (_probes, told) = start(every(3600), (0..100).map(nowhere).collect());
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(count(&told), 100);
    tokio::time::sleep(Duration::from_secs(3000)).await;
    assert_eq!(count(&told), 100);
}

#[tokio::test(start_paused = true)]
async fn servers_that_stay_keep_their_rhythm_and_those_that_leave_are_silent() {
    let (mut probes, told) = start(every(100), vec![nowhere(0), nowhere(1)]);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(count(&told), 2);
    told.lock().unwrap().clear();
    // The second one is the first now, and there is a new one.
    probes.update(vec![
        Target {
            index: 0,
            ..nowhere(1)
        },
        Target {
            index: 1,
            ..nowhere(2)
        },
    ]);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let of = |told: &Told| {
        told.lock()
            .unwrap()
            .iter()
            .map(|one| one.0)
            .collect::<Vec<_>>()
    };
    assert_eq!(of(&told), [1], "only the new one is asked at once");
    // 112 s after the beginning each has been asked once more.
    tokio::time::sleep(Duration::from_secs(110)).await;
    let mut all = of(&told);
    all.sort_unstable();
    assert_eq!(all, [0, 1, 1]);
    drop(probes);
    tokio::time::sleep(Duration::from_secs(1000)).await;
    assert_eq!(count(&told), 3);
}

#[tokio::test]
async fn a_server_that_has_moved_is_not_judged_by_its_old_place() {
    // Never accepted: the probe is under way until its time is over.
    let frozen = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let limit = Duration::from_millis(300);
    let probe = Probe {
        timeout: limit,
        every: Duration::from_millis(20),
        ..http(None)
    };
    let old = target(0, "app", Address::Tcp(vec![frozen.local_addr().unwrap()]));
    let (mut probes, told) = start(probe, vec![old]);
    let (_stream, _) = frozen.accept().await.unwrap();
    probes.update(vec![target(0, "app", Address::Tcp(vec![]))]);
    let first = async {
        while count(&told) == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(SOON, first)
        .await
        .expect("it is asked again");
    assert_eq!(told.lock().unwrap()[0], (0, false, ProbeResult::NoAddress));
}

#[tokio::test]
async fn probes_do_not_pile_up() {
    let frozen = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let probe = Probe {
        every: Duration::from_millis(10),
        ..http(None)
    };
    let address = Address::Tcp(vec![frozen.local_addr().unwrap()]);
    let (_probes, told) = start(probe, vec![target(0, "app", address)]);
    let (_stream, _) = frozen.accept().await.unwrap();
    let second = tokio::time::timeout(Duration::from_millis(500), frozen.accept()).await;
    assert!(second.is_err(), "the first probe is still under way");
    assert_eq!(count(&told), 0);
}
