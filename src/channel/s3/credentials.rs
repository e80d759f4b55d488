//! Who asks an S3 store: from variables, a profile, the container or the instance that this runs on; else nobody.
//!
//! In this order: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`; the profile `AWS_PROFILE`
//! (`default`) of `AWS_SHARED_CREDENTIALS_FILE` (`~/.aws/credentials`) and `AWS_CONFIG_FILE` (`~/.aws/config`);
//! `AWS_CONTAINER_CREDENTIALS_FULL_URI` or `…_RELATIVE_URI`; the instance's metadata service, unless
//! `AWS_EC2_METADATA_DISABLED=true`. Does not sign, and knows no single sign-on, roles or credential programs.

use std::path::PathBuf;

use crate::channel::ChannelError;
use crate::channel::connection::LARGEST_ANSWER;
use crate::host::now;
use crate::http::environment::{text_of, variable};
use crate::http::{Client, Header, Method, Request};
use crate::moment;

/// What is given out for a time is asked for anew so many seconds before its end.
const EARLY: u64 = 300;

/// A key pair, and the token that belongs to one for a time.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Credentials {
    pub key: String,
    pub secret: String,
    pub token: Option<String>,
}

/// Credentials, and until when they are taken; `None` for ever.
#[derive(Clone)]
pub(super) struct Granted {
    /// `None` for who asks without a name.
    pub credentials: Option<Credentials>,
    until: Option<u64>,
}

impl Granted {
    pub(super) fn is_over(&self) -> bool {
        self.until.is_some_and(|until| now() >= until)
    }
}

/// Finds out who asks.
///
/// # Errors
/// [`ChannelError::Credentials`] for a profile that is asked for by name and has no keys.
pub(super) fn find() -> Result<Granted, ChannelError> {
    let for_ever = |credentials| Ok(Granted { credentials: Some(credentials), until: None });
    if let (Some(key), Some(secret)) = (variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY")) {
        let token = variable("AWS_SESSION_TOKEN").map(str::to_owned);
        return for_ever(Credentials { key: key.to_owned(), secret: secret.to_owned(), token });
    }
    if let (Some(key), Some(secret)) = (setting("aws_access_key_id"), setting("aws_secret_access_key")) {
        return for_ever(Credentials { key, secret, token: setting("aws_session_token") });
    }
    if let Some(profile) = variable("AWS_PROFILE") {
        let (of, reason) = (format!("the AWS profile `{profile}`"), "no file has a key pair for it".to_owned());
        return Err(ChannelError::Credentials { of, reason });
    }
    let anonymous = Granted { credentials: None, until: None };
    let granted = match Client::impatient() {
        Ok(client) => of_container(&client).or_else(|| of_instance(&client)),
        Err(_) => None,
    };
    Ok(granted.unwrap_or(anonymous))
}

/// A setting of the chosen profile, such as `region`.
pub(super) fn setting(name: &str) -> Option<String> {
    let profile = variable("AWS_PROFILE").unwrap_or("default");
    let home = |file: &str| variable("HOME").map(|home| PathBuf::from(home).join(".aws").join(file));
    let files = [("AWS_SHARED_CREDENTIALS_FILE", "credentials"), ("AWS_CONFIG_FILE", "config")];
    files.into_iter().find_map(|(named_by, file)| {
        let path = variable(named_by).map(PathBuf::from).or_else(|| home(file))?;
        in_profile(&text_of(&path)?, profile, name)
    })
}

/// The value in the section `[profile]` or `[profile <profile>]`.
fn in_profile(text: &str, profile: &str, name: &str) -> Option<String> {
    let mut is_inside = false;
    for line in text.lines().filter(|line| !line.trim_start().starts_with(['#', ';'])) {
        if let Some(section) = line.trim().strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            is_inside = section.trim().strip_prefix("profile ").unwrap_or(section).trim() == profile;
        } else if is_inside
            && let Some((key, value)) = line.split_once('=')
            && key.trim() == name
            && !line.starts_with(' ')
        {
            return Some(value.trim().to_owned());
        }
    }
    None
}

/// What a container or an instance gives out.
#[derive(serde::Deserialize)]
struct Given {
    #[serde(rename = "AccessKeyId")]
    key: String,
    #[serde(rename = "SecretAccessKey")]
    secret: String,
    #[serde(rename = "Token")]
    token: Option<String>,
    #[serde(rename = "Expiration")]
    until: Option<String>,
}

fn of_container(client: &Client) -> Option<Granted> {
    let relative =
        || variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI").map(|path| format!("http://169.254.170.2{path}"));
    let url = variable("AWS_CONTAINER_CREDENTIALS_FULL_URI").map(str::to_owned).or_else(relative)?;
    let in_file = || fs_err::read_to_string(variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")?).ok();
    let token = variable("AWS_CONTAINER_AUTHORIZATION_TOKEN").map(str::to_owned).or_else(in_file);
    let headers = || token.iter().map(|token| ("authorization".to_owned(), token.trim().to_owned())).collect();
    given(&ask(client, Method::Get, &url, &headers)?)
}

fn of_instance(client: &Client) -> Option<Granted> {
    if variable("AWS_EC2_METADATA_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return None;
    }
    let place = variable("AWS_EC2_METADATA_SERVICE_ENDPOINT").unwrap_or("http://169.254.169.254");
    let place = place.trim_end_matches('/');
    let seconds = || vec![("x-aws-ec2-metadata-token-ttl-seconds".to_owned(), "300".to_owned())];
    let token = ask(client, Method::Put, &format!("{place}/latest/api/token"), &seconds)?;
    let with_token = || vec![("x-aws-ec2-metadata-token".to_owned(), token.trim().to_owned())];
    let roles = format!("{place}/latest/meta-data/iam/security-credentials/");
    let role = ask(client, Method::Get, &roles, &with_token)?;
    given(&ask(client, Method::Get, &format!("{roles}{}", role.lines().next()?.trim()), &with_token)?)
}

fn ask(client: &Client, method: Method, url: &str, headers: &dyn Fn() -> Vec<Header>) -> Option<String> {
    let answer = client.send(&Request::new(method, url).secrets(headers), LARGEST_ANSWER).ok()?;
    answer.is_success().then(|| String::from_utf8(answer.body).ok()).flatten()
}

fn given(json: &str) -> Option<Granted> {
    let Given { key, secret, token, until } = serde_json::from_str(json).ok()?;
    let until = until.and_then(|until| moment::parse(&until)).map(|until| until.saturating_sub(EARLY));
    Some(Granted { credentials: Some(Credentials { key, secret, token }), until })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_those_of_the_profile() {
        let text = "[default]\naws_access_key_id = A\n[profile ci]\nregion=eu-1\n# region = no\ns3 =\n  region = no\n\
                    [ other ]\naws_access_key_id=B=\n";
        let found = |profile, name| in_profile(text, profile, name);
        assert_eq!(found("default", "aws_access_key_id").as_deref(), Some("A"));
        assert_eq!(found("ci", "region").as_deref(), Some("eu-1"));
        assert_eq!(found("other", "aws_access_key_id").as_deref(), Some("B="));
        assert_eq!(found("other", "region"), None);
        assert_eq!(found("none", "region"), None);
    }

    #[test]
    fn what_an_instance_gives_is_taken_until_shortly_before_its_end() {
        let json = r#"{"Code": "Success", "AccessKeyId": "A", "SecretAccessKey": "S", "Token": "T",
                       "Expiration": "2000-01-01T00:00:00Z"}"#;
        let granted = given(json).unwrap();
        assert!(granted.is_over() && granted.credentials.unwrap().token.as_deref() == Some("T"));
        assert!(given("{}").is_none());
    }
}
