# Every word a person reads on Countersign's own pages, in English.
# A language is added by a file like this one beside it and a line in FILES of src/texts.rs.
# Terms of the standards (redirect_uri, client_id, …) stay untranslated: developers search for them.

## Frame

product = Countersign
page-title = { $title } · { product }
page-title-problem = Problem: { $title } · { product }
language = Language
language-name = English
client-logo = Logo of { $client }
client-policy = Privacy policy
client-terms = Terms of use
client-links = About { $client }
month-name =
    { $month ->
        [1] January
        [2] February
        [3] March
        [4] April
        [5] May
        [6] June
        [7] July
        [8] August
        [9] September
        [10] October
        [11] November
       *[12] December
    }

## Sign in

login-title = Sign in to { $client }
login-title-device = Sign in to connect a device
login-continues = You continue to { $host }.
login-username = User name or e-mail address
login-password = Password
login-show-password = Show password
login-remember = Stay signed in
login-remember-hint = Not on a computer you share with others.
login-submit = Sign in
login-cancel = Cancel
login-credentials-title = User name or password is not right
login-credentials-next = Check both and try again. Capital letters matter in the password.
login-missing-title = Something is missing
login-missing-next = Fill in what is marked below, then sign in again.
login-missing-username = Enter your user name or your e-mail address.
login-missing-password = Enter your password.
login-busy-title = Many people are signing in right now
login-busy-next = Wait a few seconds, then enter your password again. Nothing is wrong with your account.
login-too-many-title = Too many attempts
login-too-many-next =
    { $minutes ->
        [one] No more attempts are accepted for { $minutes } minute. Enter your password again from { $time } (UTC) on; your user name is kept. Your account is not locked.
       *[other] No more attempts are accepted for { $minutes } minutes. Enter your password again from { $time } (UTC) on; your user name is kept. Your account is not locked.
    }
login-state-down-title = We cannot sign you in just now
login-state-down-next = A part of this service is out of reach. Try again in a moment; this page stays valid.

## Choose an account

select-title = Choose an account for { $client }
select-title-device = Choose an account for your device
select-another-hint = This signs nobody out.

## Consent

consent-title = Allow { $client } to use your account?
consent-host = Runs at { $host }
consent-account = Signed in as
consent-switch = Use another account
consent-scopes = { $client } will be able to:
consent-loopback-title = Did you start this yourself?
consent-loopback = { $client } is a program on this computer, and its name cannot be verified. Allow it only if you started it a moment ago.
consent-allow = Allow
consent-deny = Deny

## Devices

device-title = Connect a device
device-what = Your device shows a code, such as BCDF‑GHJK. Enter it here.
device-code = Code on your device
device-code-hint = Eight letters. Capital or small does not matter, and neither does the hyphen.
device-submit = Continue
device-missing-title = The code is missing
device-missing-next = Enter the eight letters that your device shows.
device-character-title = This is not a code from a device
device-character-next = “{ $character }” appears in no code: codes have no digits and none of the letters A, E, I, O, U and Y. Look at your device again.
device-length-title = The code is not complete
device-length-next =
    { $count ->
        [one] A code has eight letters; you entered { $count } letter. Enter the whole code.
       *[other] A code has eight letters; you entered { $count } letters. Enter the whole code as your device shows it.
    }
device-unknown-title = No device shows this code
device-unknown-next = Compare it with your device, letter by letter, and enter it again. If your device has moved on, start there once more.
device-expired-title = This code has expired
device-expired-next = A code lasts ten minutes. Ask your device for a new one, and enter it here.
device-decided-title = This code was used already
device-decided-next = A code works once. If that was not you, or your device still waits, ask it for a new code.
device-too-many-title = Too many wrong codes
device-too-many-next =
    { $minutes ->
        [one] No more codes are accepted for { $minutes } minute. Ask your device for a new code then, and enter it from { $time } (UTC) on. Your account is not locked.
       *[other] No more codes are accepted for { $minutes } minutes. Ask your device for a new code then, and enter it from { $time } (UTC) on. Your account is not locked.
    }
device-confirm-title = Sign in to { $client } on a device?
device-warning-title = Did somebody send you this code or a link?
device-warning = Then deny. Whoever holds the device gets into your account. Approve only if you started this yourself, on a device in front of you.
device-confirm-code = Your device must show exactly this code
device-asked = The device asked on { $day } { month-name } { $year } at { $time } UTC.
device-network-same = It is in the same network as you ({ $network }).
device-network-other = It is in another network than you: { $network }.
device-approve = Approve
device-approved-title = Your device is signed in
device-approved-what = You can go back to your device. It goes on by itself within a few seconds.
device-approved-next = You can close this page.
device-denied-title = Your device is not signed in
device-denied-what = You denied it, and the device gets no access to your account.
device-denied-next = You can close this page. If somebody sent you the code, tell the people who run this service.

# What a scope lets an application do: title, and one line more.
scope-resource = Use { $resource } for you
scope-claims = See these details of yours
scope-openid = Recognise you
scope-openid-detail = It learns that this account is yours, and knows it again next time.
scope-profile = See your profile
scope-profile-detail = Such as your name, your picture and your language.
scope-email = See your e-mail address
scope-email-detail = And whether it has been verified.
scope-phone = See your phone number
scope-phone-detail = And whether it has been verified.
scope-address = See your postal address
scope-address-detail = The address kept in your account.
scope-offline_access = Stay connected to your account
scope-offline_access-detail = Until you or the application end it, even after you have signed out here.

# Single details an application asks for by name, as parts of one list.
claim-name = your name
claim-given_name = your first name
claim-family_name = your family name
claim-middle_name = your middle name
claim-nickname = your nickname
claim-preferred_username = your user name
claim-profile = the address of your profile page
claim-picture = your picture
claim-website = your website
claim-gender = your gender
claim-birthdate = your date of birth
claim-zoneinfo = your time zone
claim-locale = your language
claim-updated_at = when your details last changed
claim-email = your e-mail address
claim-email_verified = whether your e-mail address has been verified
claim-phone_number = your phone number
claim-phone_number_verified = whether your phone number has been verified
claim-address = your postal address

## Sign out

sign-out-title = Sign out?
sign-out-client = { $client } asks to sign you out.
sign-out-what = You will be signed out in this browser. The next application you open will ask you to sign in again.
sign-out-what-all = All of these accounts will be signed out in this browser. The next application you open will ask you to sign in again.
sign-out-submit = Sign out
sign-out-stay = Stay signed in
signed-out-title = You are signed out
signed-out-what = You can close this page. On a computer you share, close the browser too.
signed-out-stay-unregistered = The application asked to take you back to an address that is not registered for it, so you stay here.
signed-out-stay-unnamed = The application asked to take you back without saying which application it is, so you stay here.
signed-out-stay-unclear = The application asked to take you back in a way that is not clear, so you stay here.
signed-out-others = Other accounts are still signed in in this browser.
signed-out-others-link = Show them

## On the way back to an application

interstitial-title = Taking you back to { $client }
interstitial-what = If nothing happens, press Continue.
interstitial-continue = Continue
form-post-what = One press is missing, because script is turned off in this browser.

## Front page

home-title-nobody = Nobody is signed in here
home-nobody = Open one of your applications and choose “Sign in” there. You come back here by yourself when it is time.
home-title-account = You are signed in
home-accounts = Accounts in this browser
home-since = Since { $day } { month-name } { $year }, { $time } UTC
home-apps = Applications
home-apps-none = There is no application to open from here yet.
home-sign-out = Sign out
home-sign-out-one = Sign out: { $account }
home-sign-out-all = Sign out of all accounts
home-first-title = First steps
home-first-what = This provider is running. Now connect your first application:
home-first-next = The answer holds the client_id for your application. Everything else it finds by itself here:
home-discovery = Discovery document
home-development = Development mode.
home-development-what = Plain http is allowed and error pages show details. Only this computer can reach it.

## Errors: what happened, and what to do next

error-status = Error { $status }
error-details = Details for developers
error-code = Error code
error-request-id = Request id
error-request-id-hint = Mention this id when you ask for help.
error-back = Go back to { $client }

error-redirect-uri-missing-title = Return address is missing
error-redirect-uri-missing-what = The application did not say where to send you after signing in: the parameter redirect_uri is missing.
error-redirect-uri-missing-next = Go back to the application and tell its makers. For developers: redirect_uri is always required, even when only one is registered.

error-redirect-uri-mismatch-title = Return address is not registered
error-redirect-uri-mismatch-what = The application asked to send you to an address that is not registered for it: redirect_uri does not match. We stopped here to protect your account; nothing was shared.
error-redirect-uri-mismatch-next = Go back to the application and tell its makers. For developers: redirect_uri must equal a registered one, character by character.

error-client-id-missing-title = Application is not named
error-client-id-missing-what = The request does not say which application it comes from: the parameter client_id is missing.
error-client-id-missing-next = Go back to the application and start again from there. For developers: send client_id exactly once.

error-client-unknown-title = Application is not known here
error-client-unknown-what = No application is registered under the client_id in this request, or it has been switched off.
error-client-unknown-next = Check that you opened the right address, or tell the makers of the application. For developers: compare client_id with the output of “countersign client list”.

error-parameter-repeated-title = Request is ambiguous
error-parameter-repeated-what = The parameter { $name } appears more than once, so it is unclear what the application wants.
error-parameter-repeated-next = Go back to the application and try again. For developers: send each parameter once.

error-undecodable-title = Request cannot be read
error-undecodable-what = The address contains characters that are not encoded correctly (percent-encoding or UTF-8).
error-undecodable-next = Go back to the application and start again from there. If you copied the address, copy it whole.

error-incomplete-title = The request did not arrive
error-incomplete-what = The connection was too slow, or it broke before the whole request was here. Nothing was done.
error-incomplete-next = Go back and try again.
error-too-large-title = Request is too large
error-too-large-what = The request, or one of its parameters, is longer than this service accepts.
error-too-large-next = Go back to the application and tell its makers. For developers: send less, for example a shorter state.

error-request-not-supported-title = Kind of request not supported
error-request-not-supported-what = The application sent its request in a way this service does not offer: request objects (request, request_uri).
error-request-not-supported-next = Go back to the application and tell its makers. For developers: the discovery document lists what is supported.

error-ticket-expired-title = Sign-in page is too old
error-ticket-expired-what = This sign-in was started more than a day ago and is not continued any more.
error-ticket-expired-next = Go back to the application and sign in again from there.
error-ticket-expired-next-client = Go back to { $client } and sign in again from there.

error-ticket-tampered-title = Sign-in cannot be continued
error-ticket-tampered-what = The address of this page is incomplete or was changed, so we cannot tell which sign-in it belongs to.
error-ticket-tampered-next = Go back to the application and sign in again from there. If you copied the address, copy it whole.

error-cookies-off-title = Cookies are needed to sign in
error-cookies-off-what = Your browser did not send back the cookie this page had just set, so we cannot tell that it is still you.
error-cookies-off-next = Allow cookies for this site and try again. For developers: always use the same address, localhost and 127.0.0.1 are two different sites to a browser.

error-cross-site-title = Form came from another site
error-cross-site-what = The form was not sent from our own page, so we did not act on it. Nothing has changed.
error-cross-site-next = If the page had been open since before somebody signed in or out here, open it again. Otherwise go back to the application and sign in again from there. If it happens again, a browser extension or a proxy may be changing requests (Origin, Sec-Fetch-Site).

error-not-navigated-title = This page is not for scripts
error-not-navigated-what = A script asked for it in the background, and people's pages are only shown where an address is opened. Nothing has changed.
error-not-navigated-next = Open the address in a window of the browser. An application sends the browser here; it does not fetch this page.

error-method-title = This address is used differently
error-method-what = The request method is not allowed for this address.
error-method-next = Go back to the application and start again from there. For developers: the Allow header lists the permitted methods.

error-content-type-title = Form has the wrong type
error-content-type-what = This address accepts forms of the type application/x-www-form-urlencoded only.
error-content-type-next = Go back to the application and tell its makers.

error-not-found-title = Page not found
error-not-found-what = There is nothing at this address.
error-not-found-next = Check the address for typing mistakes, or go back to your application.

error-rate-limited-title = Too many attempts
error-rate-limited-what =
    { $minutes ->
        [one] There were too many attempts. No more are accepted for { $minutes } minute.
       *[other] There were too many attempts. No more are accepted for { $minutes } minutes.
    }
error-rate-limited-next = Reload this page from { $time } (UTC) on. Nothing is lost, and your account is not locked.

error-state-down-title = Please try again in a moment
error-state-down-what = A part of this service that remembers who is signed in is out of reach. You are still signed in; nothing is lost.
error-state-down-next = Reload this page in a moment.

error-busy-title = Please try again in a moment
error-busy-what = A part of this service is out of reach or very busy. Nothing is lost.
error-busy-next = Wait a few seconds, then reload this page.

error-internal-title = Something went wrong on our side
error-internal-what = The mistake is ours, not yours, and it has been written down.
error-internal-next = Try again. If it keeps happening, tell the people who run this service.

## Errors: particulars in development mode

detail-got = Received
detail-nearest = Nearest registered
detail-differs = What differs
detail-character = Character outside ASCII
detail-ascii = The same in ASCII
detail-registered-none = None is registered for this application
detail-cause = Cause

differs-scheme = The scheme (http or https)
differs-host = The host name
differs-port = The port
differs-path = The path
differs-trailing-slash = One ends with a slash, the other does not
differs-double-slash = One has a double slash in its path
differs-case = Capital and small letters
differs-query = The query (everything after “?”)
differs-fragment = The fragment (everything after “#”); it is never allowed
differs-userinfo = A user name before the host; it is never allowed
differs-encoding = Percent-encoding: the same address written differently
differs-localhost = localhost and 127.0.0.1 are different addresses here
differs-not-absolute = It is not a complete address: scheme and host are missing
differs-scheme-missing = The scheme is missing: an address begins with https://, or with http:// for this machine
differs-not-ascii = It has a character outside ASCII: a host is written in Punycode, everything else percent-encoded
differs-double-encoded = It was percent-encoded twice
