# The console's frame: sign-in, menu, home, failures.
skip = Skip to content
menu-label = Main menu
menu-home = Home
sign-out = Sign out
last-sign-in = Previous sign-in:
first-sign-in = First sign-in.
now-from = You are signed in from
back-home = Back to the first page

role-administrator = administrator
role-security = security
role-auditor = auditor
role-counsellor = probation counsellor
role-referent = employment referent
role-guard = guard

stop-access = Stop access
resume-access = Resume access
stopped-all = Internet access is stopped for everybody.
stopped-groups = Internet access is stopped for: { $groups }.

sign-in-title = Staff sign-in
login = Login
password = Password
go-on = Continue
sign-in-failed = The login or the password is wrong.
sign-in-wait = Too many tries: wait { $seconds } seconds, then try again.
sign-in-leave = Give up
code = Code
code-title = Confirmation code
code-hint = The six digits that your application shows, or a recovery code.
code-failed = This code is wrong, or was used already. Wait for the next one.
enrol-title = Your second factor
enrol-hint = Scan this picture with an authenticator application. It will show a code of six digits, a new one every thirty seconds.
enrol-picture = QR code to scan with the application
enrol-typed = Without a camera, type this key into the application:
enrol-code-hint = The six digits that the application shows now.
recovery-title = Your recovery codes
recovery-hint = Write them down and keep them safe: each replaces the application once, if the device is lost. They will not be shown again.
recovery-noted = I wrote them down
new-password-title = Choose a password
new-password-hint = Your password was good once. Choose one of at least { $least } characters that you use nowhere else.
new-password = New password
new-password-again = The same once more
new-password-differs = The two passwords are not the same.
new-password-same = This is the one-time password: choose another.
new-password-short = This password is too short or too long.

home-title = Home
home-live = People signed in
home-requests = Requests waiting
home-policy = Policy version
home-records = Records
home-journal = Journal
home-writable = running
home-broken = failing: everything is refused
home-recovery = You have { $count ->
    [0] no recovery code left.
    [one] one recovery code left.
   *[other] { $count } recovery codes left.
}

failure-signed-out = You are not signed in any more
failure-signed-out-help = Sign in again.
failure-forbidden = This page is not for your role
failure-forbidden-help = If you need it, talk to an administrator.
failure-not-found = There is nothing here
failure-not-found-help = The address is wrong, or what it showed is gone.
failure-method = This page is not asked for in this way
failure-method-help = Go back to the first page and try again.
failure-host = This is not the address of this gateway
failure-host-help = Open the console by a name of its certificate.
failure-foreign = This request does not come from the console
failure-foreign-help = It was refused and nothing has changed. Open the page again and retry.
failure-too-long = This is too long
failure-too-long-help = Shorten what you send.
failure-malformed = The request can't be read
failure-malformed-help = Open the page again and retry.
failure-refused = This can't be done
failure-refused-help = Nothing has changed. This is why:
failure-unavailable = The gateway can't answer
failure-unavailable-help = The page could not be made. Try again; if it lasts, tell a technician.
