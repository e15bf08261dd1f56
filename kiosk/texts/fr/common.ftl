brand = Passerelle
other-language = English
sign-out = Se déconnecter
back = Retour
close = Fermer
cancel = Annuler
send = Envoyer
yes = Oui
no = Non
retry = Réessayer
waiting = Un instant…
session-left = { $n ->
    [one] Il reste 1 minute
   *[other] Il reste { $n } minutes
}
minutes-left = { $n ->
    [one] 1 minute restante
   *[other] { $n } minutes restantes
}
still-there = Êtes-vous toujours là ? L’écran va se verrouiller.
unreachable-title = Le service ne répond pas
unreachable-body = Ce poste essaie à nouveau tout seul. Vous pouvez attendre ici.
unreachable-session = Votre session reprendra si elle est encore ouverte. Sinon, vous devrez vous reconnecter.
unreachable-attempt = Nouvel essai en cours…
revoked-title = Ce poste a été retiré
revoked-body = Il n’est plus autorisé à se connecter. Prévenez un surveillant : l’équipe technique peut l’enregistrer à nouveau.
enrol-title = Enregistrer ce poste
enrol-body = Demandez l’adresse et le code à l’équipe technique.
enrol-address = Adresse de la passerelle
enrol-address-hint = passerelle.etablissement.fr:8443
enrol-code = Code d’invitation
enrol-send = Enregistrer
enrol-failed = L’enregistrement n’a pas réussi. Vérifiez l’adresse et le code.
