#!/bin/sh -eu
mkdir -p /srv/site
cp /tmp/site/site.conf /srv/site/
sed "s/GREETING/$GREETING/" /tmp/site/index.html > /srv/site/index.html
rm -r /tmp/site
