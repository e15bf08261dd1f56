home = Back to the start
my-requests = My access requests
requests-none = You have not asked for anything yet.
requests-help = When a page is blocked, press “Ask for access”.
request-open = Waiting for an answer
request-granted = Granted
request-declined = Declined
request-expired = Over
request-ended = The access ended on { $when }.
request-until-today = Open today, until { $time }.
request-until-tomorrow = Open until tomorrow, { $time }.
request-until-day = Open until { $when }, { $time }.
request-again = Ask again
end-of-day = midnight
request-asked = Asked on { $when }
request-answered = Answered on { $when }
request-my-words = You: { $name }
request-their-words = Answer: { $name }
answers-new = { $n ->
    [one] You have an answer to an access request.
   *[other] You have { $n } answers to your access requests.
}
answers-see = See
new-pin = Change my PIN
new-pin-title = Change my secret PIN
new-pin-step = Step { $n } of 3
new-pin-old = Your PIN now
new-pin-old-help = The one you signed in with.
new-pin-new = Your new PIN
new-pin-rule = At least 6 digits. Avoid your date of birth, and 123456.
new-pin-again = The new PIN once more
new-pin-again-help = To be sure that you know it.
new-pin-wrong-old = That is not your PIN. Start again.
new-pin-not-same = The two PINs are not the same. Choose again.
new-pin-same-as-old = That is the same PIN as before. Choose another one.
new-pin-failed = The PIN could not be changed. Try again.
new-pin-done = Your PIN is changed
new-pin-done-help = Sign in with the new PIN next time. Tell it to nobody.
