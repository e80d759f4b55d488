//! docker-registry with logins (`Basic`), and one that sends to a giver of tokens (`Bearer`) is not among Debian's.

use std::fs;
use std::sync::OnceLock;

use super::{Place, folder, free_port, keep, run, wait_for};

/// The registry.
pub fn start() -> &'static Place {
    static PLACE: OnceLock<Place> = OnceLock::new();
    PLACE.get_or_init(|| {
        let folder = folder("registry", &std::env::temp_dir());
        let port = free_port();
        fs::write(folder.join("users"), run("htpasswd", &["-nbB", "ada", "right"], &folder)).unwrap();
        let here = folder.display();
        let config = format!(
            "version: 0.1\nlog: {{level: warn}}\nstorage:\n  filesystem: {{rootdirectory: {here}/data}}\n  \
             delete: {{enabled: true}}\nhttp: {{addr: '127.0.0.1:{port}', relativeurls: false}}\n\
             auth: {{htpasswd: {{realm: x, path: {here}/users}}}}\n"
        );
        fs::write(folder.join("config.yml"), config).unwrap();
        keep("docker-registry", &["serve", "config.yml"], &folder);
        wait_for(port, "docker-registry");
        Place {
            kind: "oci",
            address: format!("oci+http://127.0.0.1:{port}/team/NAME"),
            port: Some(port),
            writer: vec![("TAGALONG_TOKEN_MAIN", "ada:right".to_owned())],
            reader: None,
            stranger: Some(vec![("TAGALONG_TOKEN_MAIN", "ada:wrong".to_owned())]),
        }
    })
}
