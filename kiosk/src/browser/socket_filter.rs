//! Which sockets can be made in the cage: Unix, TCP over IPv4, netlink; pure. A seccomp program (classic BPF) that
//! bubblewrap installs before our stage and Chromium start, so that every process inside has it, Chromium's own filters
//! on top.
//!
//! The namespace already leaves nowhere to go. This takes UDP and IPv6 away before they are tried: without it Chromium points
//! a UDP socket at a public resolver to see whether IPv6 has a route, whatever flags and policies say.

const LOAD: u16 = 0x20;
const JUMP_IF_EQUAL: u16 = 0x15;
const JUMP_IF_AT_LEAST: u16 = 0x35;
const AND: u16 = 0x54;
const RETURN: u16 = 0x06;

/// Offsets in `struct seccomp_data`; the arguments' lower halves.
const SYSCALL: u32 = 0;
const ARCHITECTURE: u32 = 4;
const FAMILY: u32 = 16;
const KIND: u32 = 24;

const ALLOW: u32 = 0x7fff_0000;
const NOT_SUPPORTED: u32 = 0x0005_0000 | 97; // EAFNOSUPPORT
const NO_SUCH_CALL: u32 = 0x0005_0000 | 38; // ENOSYS

#[cfg(target_arch = "x86_64")]
const HERE: (u32, u32) = (0xc000_003e, 41);
#[cfg(target_arch = "aarch64")]
const HERE: (u32, u32) = (0xc000_00b7, 198);

const AF_UNIX: u32 = 1;
const AF_INET: u32 = 2;
const AF_NETLINK: u32 = 16;
const SOCK_STREAM: u32 = 1;
/// Without SOCK_NONBLOCK and SOCK_CLOEXEC.
const SOCK_KIND_MASK: u32 = 0xf;
/// Calls of the x32 ABI have this bit.
const X32: u32 = 0x4000_0000;

/// An instruction: operation, how far to jump if true and if false, operand.
type Instruction = (u16, u8, u8, u32);

const PROGRAM: [Instruction; 15] = [
    (LOAD, 0, 0, ARCHITECTURE),
    (JUMP_IF_EQUAL, 0, 11, HERE.0), // a call of another architecture does not exist here
    (LOAD, 0, 0, SYSCALL),
    (JUMP_IF_AT_LEAST, 9, 0, X32),
    (JUMP_IF_EQUAL, 0, 9, HERE.1), // anything but socket()
    (LOAD, 0, 0, FAMILY),
    (JUMP_IF_EQUAL, 7, 0, AF_UNIX),
    (JUMP_IF_EQUAL, 6, 0, AF_NETLINK),
    (JUMP_IF_EQUAL, 0, 3, AF_INET),
    (LOAD, 0, 0, KIND),
    (AND, 0, 0, SOCK_KIND_MASK),
    (JUMP_IF_EQUAL, 2, 0, SOCK_STREAM),
    (RETURN, 0, 0, NOT_SUPPORTED),
    (RETURN, 0, 0, NO_SUCH_CALL),
    (RETURN, 0, 0, ALLOW),
];

/// The program as the kernel reads it: `struct sock_filter`, one after the other.
pub fn program() -> Vec<u8> {
    let instruction = |&(code, yes, no, operand): &Instruction| {
        let mut bytes = code.to_ne_bytes().to_vec();
        bytes.extend([yes, no]);
        bytes.extend(operand.to_ne_bytes());
        bytes
    };
    PROGRAM.iter().flat_map(instruction).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the kernel would answer.
    fn verdict(architecture: u32, call: u32, family: u32, kind: u32) -> u32 {
        let (mut at, mut value) = (0, 0u32);
        loop {
            let (code, yes, no, operand) = PROGRAM[at];
            at += 1;
            let jump = |taken: bool| usize::from(if taken { yes } else { no });
            match code {
                LOAD => {
                    value = match operand {
                        SYSCALL => call,
                        ARCHITECTURE => architecture,
                        FAMILY => family,
                        KIND => kind,
                        other => panic!("offset {other}"),
                    }
                }
                AND => value &= operand,
                JUMP_IF_EQUAL => at += jump(value == operand),
                JUMP_IF_AT_LEAST => at += jump(value >= operand),
                RETURN => return operand,
                other => panic!("operation {other}"),
            }
        }
    }

    #[test]
    fn only_unix_tcp_and_netlink_sockets_exist() {
        let (architecture, socket) = HERE;
        let check = |family, kind, expected| {
            assert_eq!(verdict(architecture, socket, family, kind), expected, "{family} {kind}")
        };
        let flags = 0o2000000 | 0o4000;
        check(AF_UNIX, 1, ALLOW);
        check(AF_UNIX, 5, ALLOW);
        check(AF_NETLINK, 3 | flags, ALLOW);
        check(AF_INET, SOCK_STREAM, ALLOW);
        check(AF_INET, SOCK_STREAM | flags, ALLOW);
        check(AF_INET, 2 | flags, NOT_SUPPORTED); // UDP
        check(AF_INET, 3, NOT_SUPPORTED); // raw
        check(10, SOCK_STREAM, NOT_SUPPORTED); // IPv6
        check(10, 2, NOT_SUPPORTED);
        check(17, 3, NOT_SUPPORTED); // packet
        check(40, 1, NOT_SUPPORTED); // vsock
        assert_eq!(verdict(architecture, socket + 1, 10, 2), ALLOW, "other calls pass");
        assert_eq!(verdict(architecture, X32 | socket, AF_INET, 2), NO_SUCH_CALL);
        assert_eq!(verdict(0x4000_0003, socket, AF_INET, 2), NO_SUCH_CALL, "32-bit calls");
    }

    #[test]
    fn the_kernel_reads_eight_bytes_an_instruction() {
        assert_eq!(program().len(), PROGRAM.len() * 8);
    }
}
