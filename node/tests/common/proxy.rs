//! A TCP link between two nodes that can be cut and slowed. Loopback only.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// How often a pump looks at its link.
const LOOK: Duration = Duration::from_millis(50);
const CHUNK: usize = 16_384;

/// What happens on a link.
#[derive(Default)]
pub struct Link {
    cut: AtomicBool,
    /// Before every chunk of [`CHUNK`] bytes: a delay, and with it a bound of the rate.
    delay_ms: AtomicU64,
}

impl Link {
    /// Ends the connections, and refuses others until it is mended.
    pub fn cut(&self, cut: bool) {
        self.cut.store(cut, Ordering::Relaxed);
    }

    pub fn slow(&self, delay: Duration) {
        self.delay_ms.store(u64::try_from(delay.as_millis()).unwrap(), Ordering::Relaxed);
    }
}

/// Listens for one node in the place of another; ends with the process.
pub fn start(target: SocketAddr) -> (SocketAddr, Arc<Link>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let link = Arc::new(Link::default());
    let of_listener = link.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            if of_listener.cut.load(Ordering::Relaxed) {
                continue;
            }
            let Ok(other) = TcpStream::connect(target) else { continue };
            for (from, to) in [(&stream, &other), (&other, &stream)] {
                let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                let link = of_listener.clone();
                std::thread::spawn(move || pump(from, to, &link));
            }
        }
    });
    (addr, link)
}

fn pump(mut from: TcpStream, mut to: TcpStream, link: &Link) {
    from.set_read_timeout(Some(LOOK)).unwrap();
    let mut chunk = [0; CHUNK];
    while !link.cut.load(Ordering::Relaxed) {
        let read = match from.read(&mut chunk) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error)
                if matches!(
                    error.kind(),
                    std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                ) =>
            {
                continue;
            }
            Err(_) => break,
        };
        let delay = link.delay_ms.load(Ordering::Relaxed);
        if delay > 0 {
            std::thread::sleep(Duration::from_millis(delay));
        }
        if to.write_all(&chunk[..read]).is_err() {
            break;
        }
    }
    // The other side may be gone already.
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
