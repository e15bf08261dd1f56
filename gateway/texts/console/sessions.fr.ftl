# Sessions, récits, enregistrements.
menu-sessions = Sessions
menu-records = Enregistrements
sessions-title = Sessions
sessions-live = En cours
sessions-live-count = { $count ->
    [one] Une personne connectée
   *[other] { $count } personnes connectées
}
sessions-nobody = Personne n’est connecté en ce moment.
sessions-past = Terminées
sessions-past-caption = Les plus récentes d’abord
sessions-none = Aucune session terminée ne correspond.
session-title = Une session
session-live = en cours
session-end = Terminer
done-session-ended = La session est terminée.
done-session-over = Cette session n’était plus en cours.
session = Session
person = Personne
terminal = Poste
since = Depuis
until = Jusqu’à
ended = Fin
why = Motif
state = État
services = Services
actions = Actions
story = Récit
story-empty = Aucun enregistrement de cette session ne peut être lu.
story-cut = Le récit s’arrête après { $count } enregistrements ; la suite est dans les enregistrements.
story-parts = { $count ->
    [one] et un élément de la page
   *[other] et { $count } éléments de la page
}
story-open = en cours
service-grant = Accès personnel
service-none = Sans service
search = Chercher
older = Plus anciens
newest = Revenir aux plus récents
size-bytes = { $count } o
size-kib = { $count } Kio
size-mib = { $count } Mio
size-gib = { $count } Gio

end-signed-out = déconnexion
end-session-expired = durée écoulée
end-person-locked = personne bloquée ou libérée
end-terminal-revoked = poste révoqué
end-access-stopped = accès arrêté
end-stopping = arrêt de la passerelle
end-client-gone = le poste est parti
end-upstream-gone = le site a coupé
end-policy-changed = règles changées
end-idle = plus rien ne passait
end-limit = limite atteinte
end-crash = panne
end-timeout = délai dépassé

records-title = Enregistrements
records-caption = Les plus récents d’abord, cinquante par page
records-none = Aucun enregistrement ne correspond à ces filtres.
number = N°
time = Heure
kind = Genre
what = Quoi
all-fields = Tous les champs
any = Tous
no-filter = Effacer les filtres
filter-person = Personne
filter-terminal = Poste
filter-session = Session
filter-host = Site, ou *.site
filter-text = Texte
filter-decision = Décision
filter-kind = Genre
filter-from = À partir de
filter-to = Jusqu’à (exclu)
decision-allow = autorisé
decision-refuse = refusé

kind-opened = ouvert
kind-closed = fermé
kind-refused = refusé
kind-signed-in = connexion
kind-signed-out = déconnexion
kind-sign-in-failed = connexion manquée
kind-terminal-enrolled = poste enregistré
kind-terminal-revoked = poste révoqué
kind-person-changed = personne modifiée
kind-staff-signed-in = connexion du personnel
kind-staff-sign-in-failed = connexion du personnel manquée
kind-staff-looked = consultation par le personnel
kind-policy-proposed = règles proposées
kind-policy-published = règles publiées
kind-access-stopped = accès arrêté
kind-access-resumed = accès rétabli
kind-request-made = demande faite
kind-request-answered = demande répondue
kind-item-opened = contenu ouvert
kind-document-stored = document déposé
kind-key-destroyed = clé détruite
kind-gateway-started = passerelle démarrée
kind-gateway-stopped = passerelle arrêtée
