//! Binds the addresses to listen on.

use std::io::{Error, ErrorKind};
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};

use socket2::{Domain, Socket, Type};

/// Listens on every address of `host:port`.
pub fn bind(listen: &str) -> Result<Vec<TcpListener>, String> {
    let mut listeners: Vec<TcpListener> = vec![];
    for mut address in addresses(listen)? {
        // Port 0 means any free port, but the same one on every address.
        if let (0, Some(first)) = (address.port(), listeners.first()) {
            address.set_port(first.local_addr().map_or(0, |taken| taken.port()));
        }
        listeners.extend(taken(address, TcpListener::bind(address))?);
    }
    if listeners.is_empty() { Err(format!("{listen} is no address of this machine")) } else { Ok(listeners) }
}

/// Tells whether every address of `host:port` can be bound, without listening: no client can connect and be
/// cut off again.
pub fn is_free(listen: &str) -> Result<(), String> {
    let mut free = 0;
    for address in addresses(listen)? {
        free += usize::from(taken(address, reserve(address))?.is_some());
    }
    if free == 0 { Err(format!("{listen} is no address of this machine")) } else { Ok(()) }
}

fn addresses(listen: &str) -> Result<Vec<SocketAddr>, String> {
    let found = listen.to_socket_addrs().map_err(|error| format!("{listen} cannot be resolved: {error}"))?;
    Ok(found.collect())
}

/// Skips addresses of other machines: a name may have several addresses.
fn taken<T>(address: SocketAddr, taken: Result<T, Error>) -> Result<Option<T>, String> {
    match taken {
        Ok(taken) => Ok(Some(taken)),
        Err(error) if error.kind() == ErrorKind::AddrNotAvailable => Ok(None),
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            Err(format!("port {} at {} is already in use", address.port(), address.ip()))
        }
        Err(error) => Err(format!("{address} cannot be listened on: {error}")),
    }
}

/// Binds like [`TcpListener::bind`], without listening.
fn reserve(address: SocketAddr) -> Result<Socket, Error> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}
