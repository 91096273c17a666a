# Alle Wörter auf den Seiten von Countersign, auf Deutsch.
# Die Reihenfolge ist die von en.ftl. Begriffe der Standards (redirect_uri, client_id, …) bleiben, wie sie sind.

## Rahmen

product = Countersign
page-title = { $title } · { product }
page-title-problem = Problem: { $title } · { product }
language = Sprache
language-name = Deutsch
client-logo = Logo von { $client }
client-policy = Datenschutz
client-terms = Nutzungsbedingungen
client-links = Über { $client }
month-name =
    { $month ->
        [1] Januar
        [2] Februar
        [3] März
        [4] April
        [5] Mai
        [6] Juni
        [7] Juli
        [8] August
        [9] September
        [10] Oktober
        [11] November
       *[12] Dezember
    }

## Anmelden

login-title = Bei { $client } anmelden
login-title-device = Anmelden, um ein Gerät zu verbinden
login-continues = Danach gelangen Sie zu { $host }.
login-username = Benutzername oder E-Mail-Adresse
login-password = Passwort
login-show-password = Passwort anzeigen
login-remember = Angemeldet bleiben
login-remember-hint = Nicht an Computern, die auch andere benutzen.
login-submit = Anmelden
login-cancel = Abbrechen
login-credentials-title = Benutzername oder Passwort stimmt nicht
login-credentials-next = Prüfen Sie beides und versuchen Sie es noch einmal. Achten Sie beim Passwort auf Groß- und Kleinschreibung.
login-missing-title = Es fehlt noch etwas
login-missing-next = Ergänzen Sie, was unten markiert ist, und melden Sie sich dann an.
login-missing-username = Geben Sie Ihren Benutzernamen oder Ihre E-Mail-Adresse ein.
login-missing-password = Geben Sie Ihr Passwort ein.
login-busy-title = Gerade melden sich viele an
login-busy-next = Warten Sie einige Sekunden und geben Sie Ihr Passwort dann noch einmal ein. Mit Ihrem Konto ist alles in Ordnung.
login-too-many-title = Zu viele Versuche
login-too-many-next =
    { $minutes ->
        [one] Weitere Versuche werden für { $minutes } Minute nicht angenommen. Geben Sie Ihr Passwort ab { $time } Uhr (UTC) noch einmal ein; Ihr Benutzername bleibt stehen. Ihr Konto ist nicht gesperrt.
       *[other] Weitere Versuche werden für { $minutes } Minuten nicht angenommen. Geben Sie Ihr Passwort ab { $time } Uhr (UTC) noch einmal ein; Ihr Benutzername bleibt stehen. Ihr Konto ist nicht gesperrt.
    }
login-state-down-title = Die Anmeldung ist gerade nicht möglich
login-state-down-next = Ein Teil dieses Dienstes ist nicht erreichbar. Versuchen Sie es gleich noch einmal; diese Seite bleibt gültig.

## Konto auswählen

select-title = Wählen Sie ein Konto für { $client }
select-title-device = Wählen Sie ein Konto für Ihr Gerät
select-another-hint = Dabei wird niemand abgemeldet.

## Zustimmung

consent-title = Darf { $client } Ihr Konto nutzen?
consent-host = Läuft auf { $host }
consent-account = Angemeldet als
consent-switch = Anderes Konto verwenden
consent-scopes = { $client } kann dann:
consent-loopback-title = Haben Sie das selbst gestartet?
consent-loopback = { $client } ist ein Programm auf diesem Computer, und sein Name lässt sich nicht überprüfen. Erlauben Sie den Zugriff nur, wenn Sie es gerade selbst gestartet haben.
consent-allow = Erlauben
consent-deny = Ablehnen

## Geräte

device-title = Gerät verbinden
device-what = Ihr Gerät zeigt einen Code, zum Beispiel BCDF‑GHJK. Geben Sie ihn hier ein.
device-code = Code auf Ihrem Gerät
device-code-hint = Acht Buchstaben. Groß- und Kleinschreibung und der Bindestrich spielen keine Rolle.
device-submit = Weiter
device-missing-title = Der Code fehlt
device-missing-next = Geben Sie die acht Buchstaben ein, die Ihr Gerät zeigt.
device-character-title = Das ist kein Code von einem Gerät
device-character-next = „{ $character }“ kommt in keinem Code vor: Codes haben keine Ziffern und keinen der Buchstaben A, E, I, O, U und Y. Sehen Sie noch einmal auf Ihr Gerät.
device-length-title = Der Code ist nicht vollständig
device-length-next =
    { $count ->
        [one] Ein Code hat acht Buchstaben; Sie haben { $count } Buchstaben eingegeben. Geben Sie den ganzen Code ein.
       *[other] Ein Code hat acht Buchstaben; Sie haben { $count } Buchstaben eingegeben. Geben Sie den ganzen Code ein, wie Ihr Gerät ihn zeigt.
    }
device-unknown-title = Kein Gerät zeigt diesen Code
device-unknown-next = Vergleichen Sie ihn Buchstabe für Buchstabe mit Ihrem Gerät und geben Sie ihn noch einmal ein. Wenn Ihr Gerät schon weiter ist, beginnen Sie dort von vorn.
device-expired-title = Dieser Code ist abgelaufen
device-expired-next = Ein Code gilt zehn Minuten. Lassen Sie sich von Ihrem Gerät einen neuen geben und geben Sie ihn hier ein.
device-decided-title = Dieser Code wurde schon benutzt
device-decided-next = Ein Code gilt nur einmal. Wenn das nicht Sie waren oder Ihr Gerät noch wartet, lassen Sie sich dort einen neuen geben.
device-too-many-title = Zu viele falsche Codes
device-too-many-next =
    { $minutes ->
        [one] Weitere Codes werden für { $minutes } Minute nicht angenommen. Lassen Sie sich dann von Ihrem Gerät einen neuen geben und geben Sie ihn ab { $time } Uhr (UTC) ein. Ihr Konto ist nicht gesperrt.
       *[other] Weitere Codes werden für { $minutes } Minuten nicht angenommen. Lassen Sie sich dann von Ihrem Gerät einen neuen geben und geben Sie ihn ab { $time } Uhr (UTC) ein. Ihr Konto ist nicht gesperrt.
    }
device-confirm-title = Auf einem Gerät bei { $client } anmelden?
device-warning-title = Hat Ihnen jemand diesen Code oder einen Link geschickt?
device-warning = Dann lehnen Sie ab. Wer das Gerät hat, kommt in Ihr Konto. Stimmen Sie nur zu, wenn Sie das selbst begonnen haben, auf einem Gerät vor Ihnen.
device-confirm-code = Ihr Gerät muss genau diesen Code zeigen
device-asked = Das Gerät hat angefragt am { $day }. { month-name } { $year } um { $time } Uhr (UTC).
device-network-same = Es ist im selben Netz wie Sie ({ $network }).
device-network-other = Es ist in einem anderen Netz als Sie: { $network }.
device-approve = Zustimmen
device-approved-title = Ihr Gerät ist angemeldet
device-approved-what = Sie können zu Ihrem Gerät zurückgehen. Dort geht es in wenigen Sekunden von selbst weiter.
device-approved-next = Sie können diese Seite schließen.
device-denied-title = Ihr Gerät ist nicht angemeldet
device-denied-what = Sie haben abgelehnt, und das Gerät bekommt keinen Zugang zu Ihrem Konto.
device-denied-next = Sie können diese Seite schließen. Wenn Ihnen jemand den Code geschickt hat, sagen Sie es den Betreibern dieses Dienstes.

# Was eine Anwendung mit einem Scope tun kann: Titel und eine weitere Zeile.
scope-resource = { $resource } in Ihrem Namen nutzen
scope-openid = Sie wiedererkennen
scope-openid-detail = Die Anwendung erfährt, dass dieses Konto Ihnen gehört, und erkennt es beim nächsten Mal wieder.
scope-profile = Ihr Profil sehen
scope-profile-detail = Zum Beispiel Name, Bild und Sprache.
scope-email = Ihre E-Mail-Adresse sehen
scope-email-detail = Und ob sie bestätigt ist.
scope-phone = Ihre Telefonnummer sehen
scope-phone-detail = Und ob sie bestätigt ist.
scope-address = Ihre Postanschrift sehen
scope-address-detail = Die Anschrift, die in Ihrem Konto steht.
scope-offline_access = Mit Ihrem Konto verbunden bleiben
scope-offline_access-detail = Bis Sie oder die Anwendung das beenden, auch nachdem Sie sich hier abgemeldet haben.
scope-claims = Diese Angaben zu Ihnen sehen
claim-name = Name
claim-given_name = Vorname
claim-family_name = Nachname
claim-middle_name = zweiter Vorname
claim-nickname = Rufname
claim-preferred_username = Benutzername
claim-profile = Adresse der Profilseite
claim-picture = Bild
claim-website = Website
claim-gender = Geschlecht
claim-birthdate = Geburtsdatum
claim-zoneinfo = Zeitzone
claim-locale = Sprache
claim-updated_at = Zeitpunkt der letzten Änderung dieser Angaben
claim-email = E-Mail-Adresse
claim-email_verified = ob die E-Mail-Adresse bestätigt ist
claim-phone_number = Telefonnummer
claim-phone_number_verified = ob die Telefonnummer bestätigt ist
claim-address = Postanschrift

## Abmelden

sign-out-title = Abmelden?
sign-out-client = { $client } möchte Sie abmelden.
sign-out-what = Sie werden in diesem Browser abgemeldet. Wenn Sie danach eine Anwendung öffnen, müssen Sie sich neu anmelden.
sign-out-what-all = Alle diese Konten werden in diesem Browser abgemeldet. Wenn Sie danach eine Anwendung öffnen, müssen Sie sich neu anmelden.
sign-out-submit = Abmelden
sign-out-stay = Angemeldet bleiben
signed-out-title = Sie sind abgemeldet
signed-out-what = Sie können diese Seite schließen. Wenn auch andere diesen Computer benutzen, schließen Sie bitte auch den Browser.
signed-out-stay-unregistered = Die Anwendung wollte Sie an eine Adresse zurückbringen, die nicht für sie registriert ist. Deshalb bleiben Sie hier.
signed-out-stay-unnamed = Die Anwendung wollte Sie zurückbringen, ohne zu sagen, welche Anwendung sie ist. Deshalb bleiben Sie hier.
signed-out-stay-unclear = Die Anwendung wollte Sie zurückbringen, aber ihre Anfrage ist nicht eindeutig. Deshalb bleiben Sie hier.
signed-out-others = Andere Konten sind in diesem Browser noch angemeldet.
signed-out-others-link = Anzeigen

## Auf dem Rückweg zu einer Anwendung

interstitial-title = Es geht zurück zu { $client }
interstitial-what = Falls nichts geschieht, wählen Sie „Weiter“.
interstitial-continue = Weiter
form-post-what = Es fehlt noch ein Klick, weil Skripte in diesem Browser abgeschaltet sind.

## Startseite

home-title-nobody = Hier ist niemand angemeldet
home-nobody = Öffnen Sie eine Ihrer Anwendungen und wählen Sie dort „Anmelden“. Sie kommen dann von selbst hierher.
home-title-account = Sie sind angemeldet
home-accounts = Konten in diesem Browser
home-since = Seit { $day }. { month-name } { $year }, { $time } Uhr (UTC)
home-apps = Anwendungen
home-apps-none = Es gibt hier noch keine Anwendung, die Sie öffnen können.
home-sign-out = Abmelden
home-sign-out-one = Abmelden: { $account }
home-sign-out-all = Alle Konten abmelden
home-first-title = Erste Schritte
home-first-what = Der Dienst läuft. Verbinden Sie jetzt Ihre erste Anwendung:
home-first-next = Die Ausgabe enthält die client_id für Ihre Anwendung. Alles Weitere findet die Anwendung von selbst hier:
home-discovery = Discovery-Dokument
home-development = Entwicklungsmodus.
home-development-what = Unverschlüsseltes HTTP ist erlaubt, und Fehlerseiten zeigen Einzelheiten. Nur dieser Computer kann den Dienst erreichen.

## Fehler: was geschehen ist, und was nun zu tun ist

error-status = Fehler { $status }
error-details = Einzelheiten für die Entwicklung
error-code = Fehlercode
error-request-id = Anfrage-ID
error-request-id-hint = Nennen Sie diese ID, wenn Sie um Hilfe bitten.
error-back = Zurück zu { $client }

error-redirect-uri-missing-title = Rückkehradresse fehlt
error-redirect-uri-missing-what = Die Anwendung hat nicht angegeben, wohin Sie nach der Anmeldung zurückkehren sollen: Der Parameter redirect_uri fehlt.
error-redirect-uri-missing-next = Gehen Sie zurück zur Anwendung und melden Sie den Fehler dort. Für die Entwicklung: redirect_uri ist immer erforderlich, auch wenn nur eine registriert ist.

error-redirect-uri-mismatch-title = Rückkehradresse ist nicht registriert
error-redirect-uri-mismatch-what = Die Anwendung wollte Sie an eine Adresse schicken, die nicht für sie registriert ist: redirect_uri stimmt nicht überein. Um Ihr Konto zu schützen, haben wir hier angehalten; es wurde nichts weitergegeben.
error-redirect-uri-mismatch-next = Gehen Sie zurück zur Anwendung und melden Sie den Fehler dort. Für die Entwicklung: redirect_uri muss Zeichen für Zeichen einer registrierten Adresse gleichen.

error-client-id-missing-title = Anwendung ist nicht genannt
error-client-id-missing-what = Die Anfrage sagt nicht, von welcher Anwendung sie kommt: Der Parameter client_id fehlt.
error-client-id-missing-next = Gehen Sie zurück zur Anwendung und beginnen Sie dort von vorn. Für die Entwicklung: client_id muss genau einmal gesendet werden.

error-client-unknown-title = Anwendung ist hier nicht bekannt
error-client-unknown-what = Unter der client_id dieser Anfrage ist keine Anwendung registriert, oder sie wurde abgeschaltet.
error-client-unknown-next = Prüfen Sie, ob Sie die richtige Adresse geöffnet haben, oder melden Sie den Fehler bei der Anwendung. Für die Entwicklung: Vergleichen Sie client_id mit der Ausgabe von „countersign client list“.

error-parameter-repeated-title = Anfrage ist mehrdeutig
error-parameter-repeated-what = Der Parameter { $name } kommt mehrmals vor; so bleibt unklar, was die Anwendung möchte.
error-parameter-repeated-next = Gehen Sie zurück zur Anwendung und versuchen Sie es noch einmal. Für die Entwicklung: Jeder Parameter darf nur einmal gesendet werden.

error-undecodable-title = Anfrage ist nicht lesbar
error-undecodable-what = Die Adresse enthält Zeichen, die nicht richtig codiert sind (Prozentcodierung oder UTF-8).
error-undecodable-next = Gehen Sie zurück zur Anwendung und beginnen Sie dort von vorn. Wenn Sie die Adresse kopiert haben, kopieren Sie sie vollständig.

error-incomplete-title = Die Anfrage kam nicht an
error-incomplete-what = Die Verbindung war zu langsam oder brach ab, bevor die ganze Anfrage hier war. Es wurde nichts ausgeführt.
error-incomplete-next = Gehen Sie zurück und versuchen Sie es noch einmal.
error-too-large-title = Anfrage ist zu groß
error-too-large-what = Die Anfrage oder ein Teil davon ist länger, als dieser Dienst annimmt.
error-too-large-next = Gehen Sie zurück zur Anwendung und melden Sie den Fehler dort. Für die Entwicklung: Senden Sie weniger, zum Beispiel einen kürzeren Wert für state.

error-request-not-supported-title = Diese Art von Anfrage wird nicht unterstützt
error-request-not-supported-what = Die Anwendung hat ihre Anfrage auf eine Weise gesendet, die dieser Dienst nicht anbietet: als Request Object (request, request_uri).
error-request-not-supported-next = Gehen Sie zurück zur Anwendung und melden Sie den Fehler dort. Für die Entwicklung: Das Discovery-Dokument nennt, was unterstützt wird.

error-ticket-expired-title = Anmeldeseite ist zu alt
error-ticket-expired-what = Diese Anmeldung wurde vor mehr als einem Tag begonnen und wird nicht mehr fortgesetzt.
error-ticket-expired-next = Gehen Sie zurück zur Anwendung und melden Sie sich dort neu an.
error-ticket-expired-next-client = Gehen Sie zurück zu { $client } und melden Sie sich dort neu an.

error-ticket-tampered-title = Anmeldung kann nicht fortgesetzt werden
error-ticket-tampered-what = Die Adresse dieser Seite ist unvollständig oder wurde verändert. Deshalb ist unklar, zu welcher Anmeldung sie gehört.
error-ticket-tampered-next = Gehen Sie zurück zur Anwendung und melden Sie sich dort neu an. Wenn Sie die Adresse kopiert haben, kopieren Sie sie vollständig.

error-cookies-off-title = Zum Anmelden werden Cookies benötigt
error-cookies-off-what = Ihr Browser hat das Cookie nicht zurückgesendet, das diese Seite gerade gesetzt hat. Deshalb ist nicht zu erkennen, ob Sie es noch sind.
error-cookies-off-next = Erlauben Sie Cookies für diese Website und versuchen Sie es noch einmal. Für die Entwicklung: Verwenden Sie immer dieselbe Adresse; localhost und 127.0.0.1 sind für einen Browser zwei verschiedene Websites.

error-cross-site-title = Formular kam von einer anderen Website
error-cross-site-what = Das Formular wurde nicht von unserer eigenen Seite gesendet, deshalb haben wir nichts getan. Es hat sich nichts geändert.
error-cross-site-next = Wenn die Seite schon offen war, bevor sich hier jemand an- oder abgemeldet hat, öffnen Sie sie noch einmal. Sonst gehen Sie zurück zur Anwendung und melden Sie sich dort neu an. Wenn es wieder geschieht, verändert vielleicht eine Browsererweiterung oder ein Proxy die Anfragen (Origin, Sec-Fetch-Site).

error-not-navigated-title = Diese Seite ist nicht für Skripte
error-not-navigated-what = Ein Skript hat sie im Hintergrund angefordert; Seiten für Menschen gibt es nur dort, wo eine Adresse geöffnet wird. Es hat sich nichts geändert.
error-not-navigated-next = Öffnen Sie die Adresse in einem Fenster des Browsers. Eine Anwendung schickt den Browser hierher, sie ruft diese Seite nicht selbst ab.

error-method-title = Diese Adresse wird anders verwendet
error-method-what = Die Methode der Anfrage ist für diese Adresse nicht erlaubt.
error-method-next = Gehen Sie zurück zur Anwendung und beginnen Sie dort von vorn. Für die Entwicklung: Der Header Allow nennt die erlaubten Methoden.

error-content-type-title = Formular hat den falschen Typ
error-content-type-what = Diese Adresse nimmt nur Formulare vom Typ application/x-www-form-urlencoded an.
error-content-type-next = Gehen Sie zurück zur Anwendung und melden Sie den Fehler dort.

error-not-found-title = Seite nicht gefunden
error-not-found-what = Unter dieser Adresse gibt es nichts.
error-not-found-next = Prüfen Sie die Adresse auf Tippfehler, oder gehen Sie zurück zu Ihrer Anwendung.

error-rate-limited-title = Zu viele Versuche
error-rate-limited-what =
    { $minutes ->
        [one] Es gab zu viele Versuche. Weitere werden für { $minutes } Minute nicht angenommen.
       *[other] Es gab zu viele Versuche. Weitere werden für { $minutes } Minuten nicht angenommen.
    }
error-rate-limited-next = Laden Sie diese Seite ab { $time } Uhr (UTC) noch einmal. Es ist nichts verloren, und Ihr Konto ist nicht gesperrt.

error-state-down-title = Bitte versuchen Sie es gleich noch einmal
error-state-down-what = Ein Teil dieses Dienstes, der sich merkt, wer angemeldet ist, ist nicht erreichbar. Sie sind weiterhin angemeldet; es ist nichts verloren.
error-state-down-next = Laden Sie diese Seite gleich noch einmal.

error-busy-title = Bitte versuchen Sie es gleich noch einmal
error-busy-what = Ein Teil dieses Dienstes ist nicht erreichbar oder stark ausgelastet. Es ist nichts verloren.
error-busy-next = Warten Sie einige Sekunden und laden Sie diese Seite dann neu.

error-internal-title = Bei uns ist etwas schiefgegangen
error-internal-what = Der Fehler liegt bei uns, nicht bei Ihnen, und er wurde aufgezeichnet.
error-internal-next = Versuchen Sie es noch einmal. Wenn es wieder geschieht, sagen Sie bitte denen Bescheid, die diesen Dienst betreiben.

## Fehler: Einzelheiten im Entwicklungsmodus

detail-got = Empfangen
detail-nearest = Ähnlichste registrierte Adresse
detail-differs = Unterschied
detail-character = Zeichen außerhalb von ASCII
detail-ascii = Dasselbe in ASCII
detail-registered-none = Für diese Anwendung ist keine registriert
detail-cause = Ursache

differs-scheme = Das Schema (http oder https)
differs-host = Der Hostname
differs-port = Der Port
differs-path = Der Pfad
differs-trailing-slash = Eine endet mit einem Schrägstrich, die andere nicht
differs-double-slash = Eine hat einen doppelten Schrägstrich im Pfad
differs-case = Groß- und Kleinschreibung
differs-query = Die Abfrage (alles nach „?“)
differs-fragment = Das Fragment (alles nach „#“); es ist nie erlaubt
differs-userinfo = Ein Benutzername vor dem Host; er ist nie erlaubt
differs-encoding = Prozentcodierung: dieselbe Adresse, anders geschrieben
differs-localhost = localhost und 127.0.0.1 sind hier verschiedene Adressen
differs-not-absolute = Es ist keine vollständige Adresse: Schema und Host fehlen
differs-scheme-missing = Das Schema fehlt: Eine Adresse beginnt mit https://, oder mit http:// für diesen Rechner
differs-not-ascii = Sie hat ein Zeichen außerhalb von ASCII: Der Host wird in Punycode geschrieben, alles andere mit Prozentzeichen
differs-double-encoded = Sie wurde zweimal mit Prozentzeichen kodiert
