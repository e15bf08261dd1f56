# Requests for access and their answers.
menu-requests = Requests
requests-title = Requests for access
requests-waiting = Waiting
requests-answered = Answered
requests-count = { $count ->
    [one] One request
   *[other] { $count } requests
}
requests-none = No request is waiting for an answer.
requests-none-answered = No request has been answered yet.
request-title = A request
request-open = waiting
request-granted = granted
request-declined = declined
asked = Asked
address = Address
open = Open
answer = Answer
answered-by = Answered by
answered-at = Answered at
request-why = Reason given
request-today = What the policy says today
request-trace = How it is decided
request-grant = Grant access
request-decline = Decline
request-host = Host:
request-path = Pages
request-path-hint = A star stands for anything: /training/* opens all below /training/, /* the whole site. Access is read-only.
request-path-wrong = The path of the pages must begin with “/” and be well formed.
request-span = How long
request-span-missing = Choose how long.
span-hour = one hour
span-today = until midnight
span-week = seven days
span-month = thirty days
span-quarter = ninety days
request-words = Your answer, which the person will read
request-words-missing = Write an answer: the person must know why.
request-words-long = This answer is too long.
request-url-wrong = The address that was asked for can't be read: it can only be declined.
grants-title = Personal grants in force
grants-none = None.
done-request-granted = Access is granted; it holds from now on, in a running session too.
done-request-declined = The request is declined, with your answer.
done-request-was-answered = That request had been answered already.
request-over = over
