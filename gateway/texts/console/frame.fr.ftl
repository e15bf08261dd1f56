# Le cadre de la console : connexion, menu, accueil, échecs.
skip = Aller au contenu
menu-label = Menu principal
menu-home = Accueil
sign-out = Se déconnecter
last-sign-in = Connexion précédente :
first-sign-in = Première connexion.
now-from = Vous êtes connecté depuis
back-home = Revenir à l’accueil

role-administrator = administration
role-security = sécurité
role-auditor = audit
role-counsellor = conseiller d’insertion et de probation
role-referent = référent emploi
role-guard = surveillance

stop-access = Arrêter l’accès
resume-access = Rétablir l’accès
stopped-all = L’accès à Internet est arrêté pour tout le monde.
stopped-groups = L’accès à Internet est arrêté pour : { $groups }.

sign-in-title = Connexion du personnel
login = Identifiant
password = Mot de passe
go-on = Continuer
sign-in-failed = L’identifiant ou le mot de passe n’est pas le bon.
sign-in-wait = Trop d’essais : attendez { $seconds } secondes, puis recommencez.
sign-in-leave = Abandonner
code = Code
code-title = Code de confirmation
code-hint = Les six chiffres que montre votre application, ou un code de secours.
code-failed = Ce code n’est pas le bon, ou il a déjà servi. Attendez le suivant.
enrol-title = Votre second facteur
enrol-hint = Scannez ce dessin avec une application d’authentification. Elle montrera un code de six chiffres, nouveau toutes les trente secondes.
enrol-picture = Code QR à scanner avec l’application
enrol-typed = Sans appareil photo, tapez cette clé dans l’application :
enrol-code-hint = Les six chiffres que l’application montre maintenant.
recovery-title = Vos codes de secours
recovery-hint = Notez-les et gardez-les en lieu sûr : chacun remplace une fois l’application, si l’appareil est perdu. Ils ne seront plus montrés.
recovery-noted = Je les ai notés
new-password-title = Choisir un mot de passe
new-password-hint = Votre mot de passe ne servait qu’une fois. Choisissez-en un d’au moins { $least } caractères, que vous n’utilisez nulle part ailleurs.
new-password = Nouveau mot de passe
new-password-again = Le même, encore une fois
new-password-differs = Les deux mots de passe ne sont pas les mêmes.
new-password-same = C’est le mot de passe provisoire : choisissez-en un autre.
new-password-short = Ce mot de passe est trop court ou trop long.

home-title = Accueil
home-live = Personnes connectées
home-requests = Demandes en attente
home-policy = Version des règles
home-records = Enregistrements
home-journal = Journal
home-writable = en marche
home-broken = en panne : tout est refusé
home-recovery = Il vous reste { $count ->
    [0] aucun code de secours.
    [one] un code de secours.
   *[other] { $count } codes de secours.
}

failure-signed-out = Vous n’êtes plus connecté
failure-signed-out-help = Connectez-vous de nouveau.
failure-forbidden = Cette page n’est pas pour votre rôle
failure-forbidden-help = Si vous en avez besoin, parlez-en à l’administration.
failure-not-found = Il n’y a rien ici
failure-not-found-help = L’adresse est fausse, ou ce qu’elle montrait n’existe plus.
failure-method = Cette page ne se demande pas ainsi
failure-method-help = Revenez à l’accueil et recommencez.
failure-host = Ce n’est pas l’adresse de cette passerelle
failure-host-help = Ouvrez la console par le nom que porte son certificat.
failure-foreign = Cette demande ne vient pas de la console
failure-foreign-help = Elle a été refusée et rien n’a changé. Rouvrez la page et recommencez.
failure-too-long = C’est trop long
failure-too-long-help = Raccourcissez ce que vous envoyez.
failure-malformed = La demande ne se lit pas
failure-malformed-help = Rouvrez la page et recommencez.
failure-refused = Ce n’est pas possible
failure-refused-help = Rien n’a changé. Voici pourquoi :
failure-unavailable = La passerelle ne peut pas répondre
failure-unavailable-help = La page n’a pas pu être faite. Réessayez ; si cela dure, prévenez un technicien.
