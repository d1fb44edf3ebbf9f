//! The error bodies that the clouds document or are known to send, each with its status, as constants. Knows nothing of when
//! they are sent.

use serde_json::{Value, json};

/// Whose shape of error body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `{"RequestId", "HostId", "Code", "Message", "Recommend"}`
    Alibaba,
    /// `{"error_code", "error_msg", "request_id"}`
    Huawei,
    /// `{"error": {"code", "message", "title"}}`
    Iam,
}

/// An answer that refuses a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Shape of the body.
    pub dialect: Dialect,
    /// HTTP status.
    pub status: u16,
    /// The cloud's code, or IAM's title.
    pub code: &'static str,
    /// Text for a person.
    pub message: &'static str,
    /// More of the message, after a space: what the cloud echoes of the request.
    pub echo: Option<String>,
    /// Headers beside the usual ones, like `("x-acs-retry-after", "1500")`.
    pub headers: &'static [(&'static str, &'static str)],
}

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident = $dialect:ident $status:literal $code:literal $message:literal;)*) => {
        impl Refusal {
            $($(#[$doc])* pub const $name: Self = Self::new(Dialect::$dialect, $status, $code, $message);)*
        }
    };
}

refusals! {
    /// Wrong secret or canonicalisation; the message echoes the server's string to sign.
    SIGNATURE_DOES_NOT_MATCH = Alibaba 400 "SignatureDoesNotMatch" "Specified signature is not matched with our calculation.";
    /// No or a malformed Authorization header, or headers that ought to be signed and are not.
    INCOMPLETE_SIGNATURE = Alibaba 400 "IncompleteSignature" "The request signature does not conform to Aliyun standards.";
    /// Clocks more than 15 minutes apart.
    TIME_STAMP_EXPIRED = Alibaba 400 "InvalidTimeStamp.Expired" "Specified time stamp or date value is expired.";
    /// A date that is none.
    TIME_STAMP_FORMAT = Alibaba 400 "InvalidTimeStamp.Format" "Specified time stamp or date value is not well formatted.";
    /// The nonce was used before.
    NONCE_USED = Alibaba 400 "SignatureNonceUsed" "Specified signature nonce was used already.";
    /// An unknown key; a 404 that is not about an instance.
    ACCESS_KEY_NOT_FOUND = Alibaba 404 "InvalidAccessKeyId.NotFound" "Specified access key is not found.";
    /// Temporary keys without their token.
    MISSING_SECURITY_TOKEN = Alibaba 400 "MissingSecurityToken" "SecurityToken is mandatory for this action.";
    /// A token of other keys.
    SECURITY_TOKEN_MISMATCH = Alibaba 400 "InvalidSecurityToken.MismatchWithAccessKey" "Specified SecurityToken does not match with AccessKey.";
    /// An expired token.
    SECURITY_TOKEN_EXPIRED = Alibaba 400 "InvalidSecurityToken.Expired" "Specified SecurityToken is expired.";
    /// The token of another identity provider has expired, or is none; the message echoes it.
    OIDC_TOKEN_EXPIRED = Alibaba 400 "AuthenticationFail.OIDCToken.Expired" "This JWT is expired.";
    /// The role to assume does not exist.
    ROLE_NOT_FOUND = Alibaba 404 "EntityNotExist.Role" "The role not exists.";
    /// RAM denies the operation.
    NO_PERMISSION = Alibaba 403 "NoPermission" "You are not authorized to do this action.";
    /// A parameter is missing or wrong.
    INVALID_PARAMS = Alibaba 400 "InvalidParams" "The request parameters are invalid.";
    /// The instance or node does not exist.
    INSTANCE_NOT_FOUND = Alibaba 400 "InstanceNotFound" "The specified instance does not exist.";
    /// The kill task does not exist.
    TASK_NOT_FOUND = Alibaba 400 "TaskNotFound" "The specified task does not exist.";
    /// No such operation.
    ACTION_NOT_FOUND = Alibaba 404 "InvalidAction.NotFound" "Specified api is not found, please check your url and method.";
    /// The quota of the user is used up.
    THROTTLING_USER = Alibaba 400 "Throttling.User" "Request was denied due to user flow control.";
    /// The quota of the operation is used up.
    THROTTLING = Alibaba 400 "Throttling" "Request was denied due to request throttling.";
    /// The service is down for the moment.
    SERVICE_UNAVAILABLE = Alibaba 503 "ServiceUnavailable" "The request has failed due to a temporary failure of the server.";
    /// The service failed.
    INTERNAL_ERROR = Alibaba 500 "InternalError" "The request processing has failed due to some unknown error.";

    /// Bad key, signature or clock; the message says which.
    IAM_AUTHENTICATION = Huawei 401 "APIGW.0301" "Incorrect IAM authentication information:";
    /// An expired token.
    TOKEN_EXPIRED = Huawei 401 "APIGW.0307" "The token must be updated.";
    /// The user may not call this.
    IAM_FORBIDDEN = Huawei 403 "APIGW.0302" "The IAM user is not allowed to access the API.";
    /// The user's quota is used up.
    OVER_RATELIMIT = Huawei 429 "APIGW.0308" "The throttling threshold has been reached: policy user over ratelimit,limit:60,time:1 minute";
    /// No such path.
    API_NOT_FOUND = Huawei 404 "APIGW.0101" "The API does not exist or has not been published in the environment.";
    /// The backend failed.
    GATEWAY_INTERNAL = Huawei 500 "APIGW.0601" "Internal server error.";
    /// DAS asks for fewer calls, with a status 400.
    DAS_FREQUENT = Huawei 400 "DAS.200002" "Frequent requests.";
    /// DAS could not log in with this `db_user_id`.
    DAS_AUTHENTICATION = Huawei 400 "DAS.200051" "Authentication failed.";
    /// A parameter is wrong.
    DAS_PARAMETER = Huawei 400 "DAS.200100" "Parameter invalid.";
    /// `offset` is out of bounds.
    DAS_OFFSET = Huawei 400 "DAS.200103" "Invalid parameter: offset.";
    /// `limit` is out of bounds.
    DAS_LIMIT = Huawei 400 "DAS.200104" "Invalid parameter: limit.";
    /// `db_user_id` is missing.
    DAS_DB_USER_ID = Huawei 400 "DAS.200112" "Invalid parameter: db_user_id.";
    /// The project of the path is not that of the header.
    DAS_PROJECT_ID = Huawei 400 "DAS.200113" "Invalid parameter: project_id.";
    /// The instance does not exist.
    DAS_INSTANCE_ID = Huawei 400 "DAS.200114" "Invalid parameter: instance_id.";
    /// A parameter of DDM is wrong.
    DDM_PARAMETER = Huawei 400 "DBS.280001" "Parameter error.";
    /// The instance does not exist.
    DDM_INSTANCE_NOT_FOUND = Huawei 404 "DBS.200011" "The DB instance does not exist.";
    /// DDM cannot reach the data node.
    DDM_CONNECT_FAILED = Huawei 500 "DBS.300356" "Failed to connect to the RDS instance.";

    /// Wrong user or password.
    IAM_UNAUTHORIZED = Iam 401 "Unauthorized" "The username or password is wrong.";
    /// The agency does not trust the caller, or does not exist.
    AGENCY_FORBIDDEN = Iam 403 "Forbidden" "You have no right to assume the agency.";
    /// A request for a token that is none.
    IAM_BAD_REQUEST = Iam 400 "Bad Request" "The request body is invalid.";
}

impl Refusal {
    /// A refusal without an echo and more headers.
    #[must_use]
    pub const fn new(dialect: Dialect, status: u16, code: &'static str, message: &'static str) -> Self {
        Self { dialect, status, code, message, echo: None, headers: &[] }
    }

    /// The same with another status: gateways send some codes with several.
    #[must_use]
    pub fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// The same with more headers.
    #[must_use]
    pub fn headers(self, headers: &'static [(&'static str, &'static str)]) -> Self {
        Self { headers, ..self }
    }

    /// The same, saying more.
    #[must_use]
    pub fn echoing(self, echo: impl Into<String>) -> Self {
        Self { echo: Some(echo.into()), ..self }
    }

    /// The JSON body.
    #[must_use]
    pub fn body(&self, request_id: &str) -> Value {
        let Self { status, code, .. } = *self;
        let message = self.echo.iter().fold(self.message.to_owned(), |message, echo| message + " " + echo);
        match self.dialect {
            Dialect::Alibaba => json!({
                "RequestId": request_id, "HostId": "das.cn-shanghai.aliyuncs.com", "Code": code, "Message": message,
                "Recommend": format!("https://api.aliyun.com/troubleshoot?q={code}&product=DAS&requestId={request_id}"),
            }),
            Dialect::Huawei => json!({"error_msg": message, "error_code": code, "request_id": request_id}),
            Dialect::Iam => json!({"error": {"message": message, "code": status, "title": code}}),
        }
    }
}
