DEPLOYDIR = "${WORKDIR}/deploy-${PN}"
