# Les personnes, les terminaux, le personnel.
menu-people = Personnes
menu-terminals = Terminaux
menu-staff = Personnel
cancel = Annuler
save = Enregistrer
noted = C’est noté
shown-once = Ne sera plus montré. Notez-le maintenant.

people-title = Les personnes
people-search = Nom, numéro ou groupe
people-none = Personne ne correspond.
people-count = { $count ->
    [one] Une personne
   *[other] { $count } personnes
}
people-gone = { $count ->
    [one] Une personne partie
   *[other] { $count } personnes parties
}
person-page = La personne
person-add = Ajouter une personne
person-id = Numéro
person-id-hint = Celui de l’établissement : lettres sans accent, chiffres, points et tirets. Il ne change plus.
person-name = Nom
person-groups = Groupes
person-groups-hint = Séparés par des virgules. Tout le monde est dans « everyone ».
person-trio = Trio
person-trio-none = Aucun membre du personnel n’a encore le rôle de surveillance, de conseiller ou de référent.
person-added = Depuis le
person-active = présente
person-locked = bloquée
person-released = partie
person-lock = Bloquer
person-unlock = Débloquer
person-release-title = Libérer une personne
person-release = Libérer…
person-release-now = Libérer définitivement
person-release-help = La personne quitte l’établissement : sa session se ferme, elle ne peut plus se connecter, ses accès personnels prennent fin. Cela ne peut pas être annulé ; si elle revient, elle aura un nouveau numéro.
person-assign = Groupes et trio
person-assign-hint = Si les groupes changent, une session ouverte se ferme, pour que les nouveaux valent tout de suite.
person-pin = Donner un nouveau code PIN
person-pin-hint = Pour qui a oublié le sien, ou l’a donné. Une session ouverte se ferme.
pin = Code PIN
pin-hint = De { $least } à { $most } chiffres. Laissez vide : un code est tiré au hasard et montré une fois.
pin-title = Le code PIN
pin-help = Remettez ce code à la personne, et à elle seule. Elle peut le changer au terminal.
person-sessions = Sessions
person-no-session = Aucune session.
person-signed-in = connecté
person-requests = Demandes
person-no-request = Aucune demande.
person-grant-why = Raison
done-person-added = La personne est ajoutée.
done-person-locked = La personne est bloquée : sa session est fermée, elle ne peut plus se connecter.
done-person-unlocked = La personne peut se connecter de nouveau.
done-person-assigned = Groupes et trio sont enregistrés.
done-person-pin = Le nouveau code PIN est enregistré.
done-person-released = La personne est partie.

terminals-title = Les terminaux
terminals-none = Aucun terminal n’est encore inscrit. Invitez le premier.
terminals-count = { $count ->
    [one] Un terminal
   *[other] { $count } terminaux
}
terminal-name = Nom du terminal
terminal-seen = Vu pour la dernière fois
terminal-never-seen = jamais
terminal-enrolled = Inscrit
terminal-active = actif
terminal-silent = silencieux
terminal-revoked = révoqué
terminal-replaced = remplacé
terminal-invite = Inviter un terminal
terminal-invite-hint = Un code est montré une fois ; il vaut 24 heures, pour une seule inscription. Un code plus ancien du même nom ne vaut plus.
terminal-code-title = Le code du terminal
terminal-code-help = À taper au terminal, qui demande aussi l’adresse de la passerelle.
terminal-gateway = Adresse de la passerelle
terminal-command = Ou, en ligne de commande sur le terminal
terminal-revoke-title = Révoquer un terminal
terminal-revoke = Révoquer…
terminal-revoke-now = Révoquer ce terminal
terminal-revoke-help = Le terminal est refusé tout de suite et ses sessions se ferment. Pour qu’il revienne, il faut l’inviter de nouveau.
done-terminal-revoked = Le terminal est révoqué.

staff-title = Le personnel
staff-count = { $count ->
    [one] Une personne
   *[other] { $count } personnes
}
staff-member = Membre du personnel
staff-role = Rôle
staff-last = Dernière connexion
staff-never = jamais
staff-one-time = mot de passe provisoire
staff-add = Ajouter un membre du personnel
staff-add-hint = Un mot de passe provisoire est montré une fois. À la première connexion, il faut en choisir un autre et inscrire une application d’authentification.
staff-factor = Second facteur
staff-factor-yes = inscrit
staff-factor-no = pas encore inscrit
staff-change-role = Changer le rôle
staff-change-role-hint = La personne est déconnectée et se connecte de nouveau avec le nouveau rôle.
staff-reset = Donner un mot de passe provisoire
staff-reset-hint = L’ancien ne vaut plus et la personne est déconnectée. Pour fermer un compte, ne remettez le nouveau à personne.
staff-reset-factor = L’appareil est perdu : inscrire aussi un nouveau second facteur
one-time-title = Mot de passe provisoire
one-time-help = Remettez-le à cette personne, et à elle seule. Elle devra en choisir un autre.
done-staff-role = Le rôle est changé.
