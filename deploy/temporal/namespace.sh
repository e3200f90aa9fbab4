#!/bin/sh
# Make the namespace and the search attributes that cases have (`python -m worker --search-attributes` lists them).
set -eu
until temporal operator cluster health; do sleep 2; done
temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" ||
    temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention 30d
temporal operator search-attribute create --namespace "$TEMPORAL_NAMESPACE" \
    --name ScrBoard --type Keyword \
    --name ScrProcedure --type Keyword \
    --name ScrStage --type Keyword \
    --name ScrWaitingFor --type KeywordList \
    --name ScrNextDue --type Datetime \
    --name ScrOverdue --type Int \
    --name ScrLettersFailed --type Int
