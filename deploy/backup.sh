#!/bin/sh
# A proved copy of the store and all raw answers, into the folder $1; copies of the store go after thirty days.
set -eu
cews db backup "$1/store-$(date +%F-%H%M%S)"
if [ -d "$CEWS_HOME/raw" ]; then cp --archive --update "$CEWS_HOME/raw" "$1/"; fi
find "$1" -maxdepth 1 -name 'store-*' -mtime +30 -delete
