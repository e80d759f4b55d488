//! nginx with its dav module: a channel may be written by `ada`, read by `bob`, and by nobody else.

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

use super::{Place, folder, free_port, keep, run, wait_for};

/// What nginx is asked to know of WebDAV.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Dav {
    /// `PUT`, `DELETE` and `MOVE`.
    Whole,
    /// `PUT` and `DELETE` alone.
    Puts,
    /// Nothing: it only shows files.
    None,
}

/// The server of that sort, and the folder that it shows.
pub fn start(dav: Dav) -> &'static (Place, PathBuf) {
    static WHOLE: OnceLock<(Place, PathBuf)> = OnceLock::new();
    static PUTS: OnceLock<(Place, PathBuf)> = OnceLock::new();
    static NONE: OnceLock<(Place, PathBuf)> = OnceLock::new();
    match dav {
        Dav::Whole => WHOLE.get_or_init(|| launch("dav_methods PUT DELETE MOVE; create_full_put_path on;")),
        Dav::Puts => PUTS.get_or_init(|| launch("dav_methods PUT DELETE; create_full_put_path on;")),
        Dav::None => NONE.get_or_init(|| launch("")),
    }
}

fn launch(dav: &str) -> (Place, PathBuf) {
    let folder = folder("nginx", &std::env::temp_dir());
    let port = free_port();
    let shown = folder.join("shown");
    fs::create_dir(&shown).unwrap();
    run("htpasswd", &["-bc", "users", "ada", "right"], &folder);
    run("htpasswd", &["-b", "users", "bob", "right"], &folder);
    let here = folder.display();
    let places =
        ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|name| format!("{name}_temp_path {here}/{name};"));
    let config = format!(
        "daemon off; master_process off; user root; pid {here}/pid; error_log {here}/error;\nevents {{}}\n\
         http {{ access_log {here}/access; {}\n\
         map \"$request_method:$remote_user\" $refused {{ default 0; \"~^(PUT|DELETE|MOVE):bob$\" 1; }}\n\
         server {{ listen 127.0.0.1:{port}; client_max_body_size 0; auth_basic x; auth_basic_user_file {here}/users;\n\
         location / {{ root {here}/shown; if ($refused) {{ return 403; }} autoindex on; autoindex_format json; {dav} }} }} }}\n",
        places.join("\n")
    );
    fs::write(folder.join("conf"), config).unwrap();
    keep("/usr/sbin/nginx", &["-e", "error", "-p", folder.to_str().unwrap(), "-c", "conf"], &folder);
    wait_for(port, "nginx");
    let token = |user: &str| vec![("TAGALONG_TOKEN_MAIN", user.to_owned())];
    let place = Place {
        kind: "http",
        address: format!("http://127.0.0.1:{port}/NAME"),
        port: Some(port),
        writer: token("ada:right"),
        reader: Some(token("bob:right")),
        stranger: Some(token("ada:wrong")),
    };
    (place, shown)
}
