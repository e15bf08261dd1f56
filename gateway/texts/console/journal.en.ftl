# Journal, stopping and resuming access.
menu-journal = Journal
menu-access = Access
journal-title = Journal
journal-published = Published in the checkpoint
journal-queued = Waiting to be written
journal-verify = Verify now
journal-verify-hint = Every record is read again and the whole tree computed anew; it may take a moment.
journal-busy = A verification is running already: wait for its end.
journal-good = { $count ->
    [one] The journal is intact: one record verified.
   *[other] The journal is intact: { $count } records verified.
}
journal-bad = The journal is not intact.
journal-checkpoint = Signed checkpoint
journal-no-checkpoint = There is no checkpoint yet.
journal-key = Verifier key:

access-title = Stop or resume access
access-hint = A stop holds at once, for everything that is open. Sessions stay; the catalogue is stopped too. Each stop and resumption is recorded with your login.
access-all = Everybody
access-stop-all = Stop everybody's access
access-groups = One group
access-no-group = No group is stopped.
access-nobody = Nobody is enrolled yet: there is no group.
access-group = Group
access-choose = Choose a group
access-stop-group = Stop this group's access
access-group-wrong = That is no name of a group.
done-access-stopped = Access is stopped.
done-access-resumed = Access is resumed.
