# Sessions, stories, records.
menu-sessions = Sessions
menu-records = Records
sessions-title = Sessions
sessions-live = Live
sessions-live-count = { $count ->
    [one] One person signed in
   *[other] { $count } people signed in
}
sessions-nobody = Nobody is signed in at the moment.
sessions-past = Past
sessions-past-caption = The latest first
sessions-none = No past session matches.
session-title = A session
session-live = live
session-end = End
done-session-ended = The session has ended.
done-session-over = That session was over already.
session = Session
person = Person
terminal = Terminal
since = Since
until = Until
ended = End
why = Why
state = State
services = Services
actions = Actions
story = Story
story-empty = No record of this session can be read.
story-cut = The story ends after { $count } records; the rest is among the records.
story-parts = { $count ->
    [one] and one part of the page
   *[other] and { $count } parts of the page
}
story-open = open
service-grant = Personal grant
service-none = No service
search = Search
older = Older
newest = Back to the latest
size-bytes = { $count } B
size-kib = { $count } KiB
size-mib = { $count } MiB
size-gib = { $count } GiB

end-signed-out = signed out
end-session-expired = time was over
end-person-locked = person locked or released
end-terminal-revoked = terminal revoked
end-access-stopped = access stopped
end-stopping = the gateway stopped
end-client-gone = the terminal went away
end-upstream-gone = the site hung up
end-policy-changed = the policy changed
end-idle = nothing passed any more
end-limit = limit reached
end-crash = crash
end-timeout = took too long

records-title = Records
records-caption = The latest first, fifty a page
records-none = No record matches these filters.
number = No.
time = Time
kind = Kind
what = What
all-fields = All fields
any = Any
no-filter = Clear the filters
filter-person = Person
filter-terminal = Terminal
filter-session = Session
filter-host = Host, or *.host
filter-text = Text
filter-decision = Decision
filter-kind = Kind
filter-from = From
filter-to = To (excluded)
decision-allow = allowed
decision-refuse = refused

kind-opened = opened
kind-closed = closed
kind-refused = refused
kind-signed-in = sign-in
kind-signed-out = sign-out
kind-sign-in-failed = failed sign-in
kind-terminal-enrolled = terminal enrolled
kind-terminal-revoked = terminal revoked
kind-person-changed = person changed
kind-staff-signed-in = staff sign-in
kind-staff-sign-in-failed = failed staff sign-in
kind-staff-looked = looked at by staff
kind-policy-proposed = policy proposed
kind-policy-published = policy published
kind-access-stopped = access stopped
kind-access-resumed = access resumed
kind-request-made = request made
kind-request-answered = request answered
kind-item-opened = item opened
kind-document-stored = document stored
kind-key-destroyed = key destroyed
kind-gateway-started = gateway started
kind-gateway-stopped = gateway stopped
