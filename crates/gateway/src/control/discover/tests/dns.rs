//! A name server whose answers are scripted and can change.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::rdata::{CNAME, SRV};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

use super::super::Resolver;

/// What is answered to a question.
#[derive(Clone, Debug)]
pub(super) enum Say {
    /// These records, with this time to live.
    Records(Vec<RData>, u32),
    /// An error, or NXDOMAIN.
    Code(ResponseCode),
    /// The name exists and has nothing of that type.
    Empty,
    Nothing,
    /// Bytes that are no message.
    Garbage,
    /// Over UDP that it is too long, over TCP the records.
    Long(Vec<RData>),
}

/// Addresses with a time to live.
pub(super) fn addresses(all: &[&str], ttl: u32) -> Say {
    let data = |text: &&str| RData::from(text.parse::<std::net::IpAddr>().unwrap());
    Say::Records(all.iter().map(data).collect(), ttl)
}

pub(super) fn srv(priority: u16, weight: u16, port: u16, target: &str) -> RData {
    RData::SRV(SRV::new(priority, weight, port, target.parse().unwrap()))
}

pub(super) fn cname(target: &str) -> RData {
    RData::CNAME(CNAME(target.parse().unwrap()))
}

type Script = HashMap<(String, RecordType), Say>;

#[derive(Default)]
struct State {
    script: Script,
    asked: Vec<(String, RecordType)>,
}

/// A name server; questions without a script are answered with NXDOMAIN, or with nothing of that type if the name has another.
pub(super) struct Dns {
    pub(super) address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Dns {
    pub(super) async fn start() -> Self {
        let (udp, tcp) = loop {
            let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            // The same port of TCP may be taken.
            if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()).await {
                break (udp, tcp);
            }
        };
        let address = udp.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        tokio::spawn(serve_udp(udp, Arc::clone(&state)));
        tokio::spawn(serve_tcp(tcp, Arc::clone(&state)));
        Self { address, state }
    }

    pub(super) fn resolver(&self) -> Resolver {
        Resolver::with_servers(&[self.address])
    }

    /// What to answer from now on; names end with a dot.
    pub(super) fn says(&self, name: &str, record_type: RecordType, say: Say) {
        let key = (name.to_owned(), record_type);
        self.state.lock().unwrap().script.insert(key, say);
    }

    /// How often it was asked for that.
    pub(super) fn count(&self, name: &str, record_type: RecordType) -> usize {
        let asked = &self.state.lock().unwrap().asked;
        asked
            .iter()
            .filter(|one| one.0 == name && one.1 == record_type)
            .count()
    }
}

async fn serve_udp(socket: UdpSocket, state: Arc<Mutex<State>>) {
    let mut bytes = [0; 4096];
    while let Ok((len, peer)) = socket.recv_from(&mut bytes).await {
        if let Some(answer) = answer(&bytes[..len], &state, false) {
            drop(socket.send_to(&answer, peer).await);
        }
    }
}

async fn serve_tcp(listener: TcpListener, state: Arc<Mutex<State>>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve_stream(stream, Arc::clone(&state)));
    }
}

async fn serve_stream(mut stream: TcpStream, state: Arc<Mutex<State>>) -> io::Result<()> {
    loop {
        let mut bytes = vec![0; usize::from(stream.read_u16().await?)];
        stream.read_exact(&mut bytes).await?;
        if let Some(answer) = answer(&bytes, &state, true) {
            stream
                .write_u16(u16::try_from(answer.len()).unwrap())
                .await?;
            stream.write_all(&answer).await?;
        }
    }
}

fn answer(question: &[u8], state: &Mutex<State>, over_tcp: bool) -> Option<Vec<u8>> {
    let question = Message::from_vec(question).unwrap();
    let query = question.queries[0].clone();
    let key = (query.name().to_ascii(), query.query_type());
    let mut state = state.lock().unwrap();
    state.asked.push(key.clone());
    let has_name = state.script.keys().any(|other| other.0 == key.0);
    let missing = if has_name {
        Say::Empty
    } else {
        Say::Code(ResponseCode::NXDomain)
    };
    let say = state.script.get(&key).cloned().unwrap_or(missing);
    drop(state);

    let name = query.name().clone();
    let mut message = Message::response(question.metadata.id, question.metadata.op_code);
    message.metadata.recursion_available = true;
    message.add_query(query);
    match say {
        Say::Nothing => return None,
        Say::Garbage => return Some(vec![0xff; 40]),
        Say::Code(code) => message.metadata.response_code = code,
        Say::Empty => {}
        Say::Long(_) if !over_tcp => message.metadata.truncation = true,
        Say::Long(data) => add(&mut message, name, data, 60),
        Say::Records(data, ttl) => add(&mut message, name, data, ttl),
    }
    Some(message.to_vec().unwrap())
}

/// Adds records; those behind a CNAME are of its target.
fn add(message: &mut Message, mut name: Name, data: Vec<RData>, ttl: u32) {
    for one in data {
        message.add_answer(Record::from_rdata(name.clone(), ttl, one.clone()));
        if let RData::CNAME(CNAME(target)) = one {
            name = target;
        }
    }
}
