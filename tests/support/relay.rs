//! A stretch of network between us and a server, which can lead elsewhere or lose what passes over it.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// Listens on a free port and hands everything on to another port of this machine.
pub struct Relay {
    pub port: u16,
    to: Arc<AtomicU16>,
    /// Connections of an earlier age are dead, and nobody has told their ends.
    age: Arc<AtomicUsize>,
    /// Ends that hear nothing any more, not even of the end of the others.
    lost: Arc<Mutex<Vec<TcpStream>>>,
}

/// Leads nowhere: connections are taken, and nobody ever answers.
pub const NOWHERE: u16 = 0;

impl Relay {
    pub fn start(to: u16) -> Relay {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let relay =
            Relay { port, to: Arc::new(AtomicU16::new(to)), age: Arc::default(), lost: Arc::default() };
        let (to, age, lost) = (Arc::clone(&relay.to), Arc::clone(&relay.age), Arc::clone(&relay.lost));
        thread::spawn(move || {
            for near in listener.incoming() {
                let near = near.unwrap();
                let to = to.load(Ordering::SeqCst);
                if to == NOWHERE {
                    lost.lock().unwrap().push(near);
                } else if let Ok(far) = TcpStream::connect(("127.0.0.1", to)) {
                    let born = age.load(Ordering::SeqCst);
                    for (from, to) in [(&near, &far), (&far, &near)] {
                        let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                        let (age, lost) = (Arc::clone(&age), Arc::clone(&lost));
                        thread::spawn(move || carry(from, to, &age, born, &lost));
                    }
                }
            }
        });
        relay
    }

    /// From now on new connections lead to this port; those there are stay.
    pub fn lead(&self, to: u16) {
        self.to.store(to, Ordering::SeqCst);
    }

    /// Loses everything on the connections there are, as a firewall does that was restarted.
    pub fn forget(&self) {
        self.age.fetch_add(1, Ordering::SeqCst);
    }
}

/// Who still waits is let go.
impl Drop for Relay {
    fn drop(&mut self) {
        for end in self.lost.lock().unwrap().drain(..) {
            drop(end.shutdown(Shutdown::Both));
        }
    }
}

fn carry(
    mut from: TcpStream,
    mut to: TcpStream,
    age: &AtomicUsize,
    born: usize,
    lost: &Mutex<Vec<TcpStream>>,
) {
    let mut buffer = [0; 16 * 1024];
    loop {
        let read = from.read(&mut buffer).unwrap_or(0);
        if age.load(Ordering::SeqCst) != born {
            return lost.lock().unwrap().extend([from, to]);
        }
        if read == 0 || to.write_all(&buffer[..read]).is_err() {
            // An end that is already closed needs no telling.
            drop((from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both)));
            return;
        }
    }
}
