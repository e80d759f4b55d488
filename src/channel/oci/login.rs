//! Who asks a registry: from the channel's variable, GitLab's job variables, or the files that `docker login` and
//! `podman login` write.
//!
//! In this order: `TAGALONG_TOKEN_<CHANNEL>` as `user:password`; `CI_REGISTRY_USER` and `CI_REGISTRY_PASSWORD` for the
//! registry that `CI_REGISTRY` names; `REGISTRY_AUTH_FILE`, `$XDG_RUNTIME_DIR/containers/auth.json`,
//! `$DOCKER_CONFIG/config.json`, `~/.docker/config.json`, with the credential programs that these name. Does not talk
//! to registries.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::channel::ChannelError;
use crate::http::environment::{text_of, token_of, variable};
use crate::http::{Login, from_base64};

/// Reads `user:password`.
fn parsed(text: &str) -> Option<Login> {
    let (user, password) = text.split_once(':')?;
    Some(Login { user: user.to_owned(), password: password.trim_end_matches('\0').to_owned() })
}

/// What docker's `config.json` has of interest.
#[derive(serde::Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Config {
    auths: BTreeMap<String, Auth>,
    cred_helpers: BTreeMap<String, String>,
    creds_store: Option<String>,
}

#[derive(serde::Deserialize, Default)]
#[serde(default)]
struct Auth {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
}

/// What a credential program prints.
#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Told {
    username: String,
    secret: String,
}

/// Finds the login for a registry; `None` for who asks without a name.
///
/// # Errors
/// [`ChannelError::Credentials`] for a file that is no JSON and for a credential program that cannot be run.
pub(super) fn find(channel: &str, registry: &str) -> Result<Option<Login>, ChannelError> {
    if let Some(login) = token_of(channel).and_then(parsed) {
        return Ok(Some(login));
    }
    if variable("CI_REGISTRY") == Some(registry)
        && let (Some(user), Some(password)) = (variable("CI_REGISTRY_USER"), variable("CI_REGISTRY_PASSWORD"))
    {
        return Ok(Some(Login { user: user.to_owned(), password: password.to_owned() }));
    }
    let below = |name: &str, rest: &str| variable(name).map(|folder| PathBuf::from(folder).join(rest));
    let files = [
        variable("REGISTRY_AUTH_FILE").map(PathBuf::from),
        below("XDG_RUNTIME_DIR", "containers/auth.json"),
        below("DOCKER_CONFIG", "config.json").or_else(|| below("HOME", ".docker/config.json")),
    ];
    for path in files.into_iter().flatten() {
        if let Some(login) = in_file(&path, registry)? {
            return Ok(Some(login));
        }
    }
    Ok(None)
}

fn in_file(path: &Path, registry: &str) -> Result<Option<Login>, ChannelError> {
    let Some(text) = text_of(path) else { return Ok(None) };
    let fault = |reason: String| ChannelError::Credentials { of: path.display().to_string(), reason };
    let config: Config = serde_json::from_str(&text).map_err(|error| fault(error.to_string()))?;
    let names = names_of(registry);
    if let Some((name, program)) = names.iter().find_map(|name| Some((name, config.cred_helpers.get(name)?))) {
        return ask(program, name);
    }
    let entry = names.iter().find_map(|name| Some((name, config.auths.get(name)?)));
    match (entry, &config.creds_store) {
        (Some((_, Auth { auth: Some(auth), .. })), _) if !auth.is_empty() => {
            let login = from_base64(auth).as_deref().and_then(parsed);
            login.map(Some).ok_or_else(|| fault(format!("its `auth` of `{registry}` is no login")))
        }
        (Some((_, Auth { username: Some(user), password: Some(password), .. })), _) => {
            Ok(Some(Login { user: user.clone(), password: password.clone() }))
        }
        (Some((name, _)), Some(program)) => ask(program, name),
        _ => Ok(None),
    }
}

/// The names that a registry is filed under.
fn names_of(registry: &str) -> Vec<String> {
    let mut names = vec![registry.to_owned(), format!("https://{registry}"), format!("http://{registry}")];
    if registry == "docker.io" {
        names.push("https://index.docker.io/v1/".to_owned());
    }
    names
}

/// Asks a credential program (`docker-credential-<name> get`), by its name only: a path is never run.
fn ask(program: &str, registry: &str) -> Result<Option<Login>, ChannelError> {
    let of = || format!("the credential program `docker-credential-{program}`");
    let fault = |reason: String| ChannelError::Credentials { of: of(), reason };
    if program.is_empty() || !program.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') {
        return Err(fault("its name is not one of a program".to_owned()));
    }
    let system = |error: std::io::Error| fault(error.to_string());
    let mut child = Command::new(format!("docker-credential-{program}"))
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(system)?;
    if let Some(mut input) = child.stdin.take() {
        // A program that does not read its input says so by its end.
        let _ = writeln!(input, "{registry}");
    }
    let output = child.wait_with_output().map_err(system)?;
    if !output.status.success() {
        // It has nothing for this registry.
        return Ok(None);
    }
    let told: Told =
        serde_json::from_slice(&output.stdout).map_err(|_| fault("what it printed is no login".to_owned()))?;
    Ok(Some(Login { user: told.username, password: told.secret }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_of_the_file_are_found_by_the_registry() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.json");
        let text = r#"{"auths": {"a.example.org:5000": {"auth": "YWRhOnA6dw=="}, "https://b.example.org": {"username": "b",
                       "password": "c"}, "d.example.org": {"auth": "%"}}, "credHelpers": {"e.example.org": "../sh"}}"#;
        std::fs::write(&path, text).unwrap();
        let found = |registry| in_file(&path, registry).map(|login| login.map(|login| (login.user, login.password)));
        assert_eq!(found("a.example.org:5000"), Ok(Some(("ada".to_owned(), "p:w".to_owned()))));
        assert_eq!(found("b.example.org"), Ok(Some(("b".to_owned(), "c".to_owned()))));
        assert_eq!(found("c.example.org"), Ok(None));
        assert!(found("d.example.org").is_err() && found("e.example.org").is_err());
    }
}
