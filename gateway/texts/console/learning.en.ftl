# Learning a step: recorded runs and the draft of each.
menu-learning = Learn
learning-title = Learn a step
learning-help = A test person does the step once, at a terminal, on sites that you name. Everything is recorded; { $most } minutes at most. When you stop it, the gateway writes a draft, which you read, propose, and another person signs.
learning-none = No run is being recorded at the moment.
learning-count = { $count ->
    [one] One run
   *[other] { $count } runs
}
learning-step = Step
learning-person = Test person
learning-person-hint = Their number. They are of the group "{ $group }".
learning-open = Open
learning-until = Until
learning-over = over
learning-passed = Passed
learning-refused = Refused
learning-stop = Stop and write the draft
learning-start = Begin a run
learning-hosts = Hosts to open
learning-hosts-hint = One a line, { $most } at most, for example step.example.org or step.example.org:8443.
learning-host-wrong = "{ $host }" is no host.
learning-minutes = Minutes (1 to { $most })
learning-service = Identifier of the step
learning-service-hint = Letters without accents, digits, dots and hyphens, for example income-declaration.
learning-name = Name in French
learning-category = Section
learning-administrative = Administrative steps
learning-training = Training
done-learning-started = The run has begun: the test person can open the step at a terminal.
learning-draft = The draft
learning-draft-help = The run is stopped and its hosts are closed. This draft is kept nowhere: propose it now, or copy it.
learning-unseen = { $count ->
    [one] One more request was not kept: the draft knows nothing of it.
   *[other] { $count } more requests were not kept: the draft knows nothing of them.
}
learning-learnt = What was learnt
learning-left-out = Left out
learning-left-out-none = Nothing was refused during the run.
learning-still-refused = Would still be refused
learning-still-refused-none = The draft lets everything pass that passed during the run.
learning-host = Host
learning-why = Reason
learning-times = Times
learning-example = Example
learning-request = Request
trouble-person-unknown = There is no person of this number.
trouble-learning-minutes = A run takes 1 to { $most } minutes.
trouble-learning-hosts = A run opens 1 to { $most } hosts.
trouble-learning-host = { $host } can't be opened: it is refused to everybody, it is ours, or it belongs to a confidential step.
trouble-learning-person = This person is not of the group "{ $group }": only a test person's steps are recorded.
trouble-learning-service = The policy has a step of this identifier already.
trouble-learning-running = A run of this person is being recorded already.
trouble-learning-not-running = No run of this person is being recorded.
trouble-learning-no-page = The run opened no page: there is nothing to learn from it.
