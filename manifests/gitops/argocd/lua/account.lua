-- The account with which Argo CD carries out actions. The API server refuses any other requester.
local account = "system:serviceaccount:argocd:argocd-server"
