//! Messages of what the checks find while a package is sealed: one message for each finding, and one for many.

use tagalong::audit::leaks::{Leak, LeakTrace};
use tagalong::audit::{Fault, Finding};
use tagalong::builder::seal::SealError;
use tagalong::relocate::residue::Form;

use crate::facts::{denied, name, path};
use crate::told::{Told, by_reference};

fn leak(trace: LeakTrace, form: Form, member: Option<&str>) -> Fault {
    Fault::Leak(Leak { trace, form, offset: 4711, count: 1, member: member.map(str::to_owned) })
}

fn faults() -> Vec<Fault> {
    let library = || "libcrypto.so.3".to_owned();
    let folder = || LeakTrace::Folder("/build/work".to_owned());
    let many = Leak { trace: folder(), form: Form::Bytes, offset: 12, count: 3, member: None };
    vec![
        leak(LeakTrace::Placeholder, Form::Bytes, None),
        leak(LeakTrace::Placeholder, Form::Bytes, Some("META-INF/x.properties")),
        leak(LeakTrace::Placeholder, Form::Wide16, None),
        leak(LeakTrace::Token, Form::Wide32, None),
        leak(LeakTrace::Head, Form::Bytes, None),
        leak(LeakTrace::Piece, Form::Bytes, None),
        Fault::Leak(many),
        leak(LeakTrace::Unseen("it is packed in a way that is not known".to_owned()), Form::Bytes, Some("a.zip")),
        Fault::Unreached { library: library(), at: "lib/private/libcrypto.so.3".to_owned() },
        Fault::FromHost { library: library(), at: "/usr/lib/x86_64-linux-gnu/libcrypto.so.3".to_owned() },
        Fault::Missing { library: library() },
        Fault::VersionMissing {
            version: "OPENSSL_3.2.0".to_owned(),
            library: library(),
            at: "lib/libcrypto.so.3".to_owned(),
        },
        Fault::SymbolMissing {
            symbol: "EVP_md5@OPENSSL_3.0.0".to_owned(),
            library: library(),
            at: "lib/libcrypto.so.3".to_owned(),
        },
        Fault::NotALibrary { library: library(), at: "lib/libcrypto.so.3".to_owned() },
        Fault::Interpreter { interpreter: "/nix/store/x/ld-linux-x86-64.so.2".to_owned() },
        Fault::NoRoom { path: "$ORIGIN/../lib".to_owned(), needed: 15, room: 8 },
        Fault::Unreadable { reason: "its section headers lie outside of it".to_owned() },
        Fault::LinkOutside { link: "/etc/alternatives/cc".to_owned() },
        Fault::Special { kind: "socket" },
        Fault::SetId,
        Fault::Name,
    ]
}

pub fn seal() -> Vec<Told> {
    let finding = |fault| Finding { file: "lib/libpng16.so.16".to_owned(), fault };
    let findings = |findings| SealError::Findings { name: name("libpng"), findings };
    let mut errors: Vec<_> = faults().into_iter().map(|fault| findings(vec![finding(fault)])).collect();
    errors.push(findings(vec![finding(Fault::SetId); 22]));
    errors.push(SealError::File {
        doing: "writing a file with its new library path",
        path: path("/build/tree/lib/libz.so"),
        source: denied(),
    });
    by_reference("seal", errors)
}
